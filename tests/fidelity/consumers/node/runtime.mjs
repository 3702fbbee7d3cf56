// The node side of shim.py: `node runtime.mjs MODULE.EXPORT REPLY_FD`. Frames both ways: a decimal length, a newline, that many bytes of JSON.
// stdin {"event", "context"}; reply {"result"} or {"error": {"name", "message"}}. stdout and stderr stay the handler's own.
import { writeSync } from 'node:fs'

const [place, fd] = [process.argv[2], Number(process.argv[3])]
const [name, exported] = place.split('.')

function send (reply) {
  const body = Buffer.from(JSON.stringify(reply))
  let frame = Buffer.concat([Buffer.from(`${body.length}\n`), body])
  while (frame.length > 0) frame = frame.subarray(writeSync(fd, frame))
}

async function * frames () {
  let waiting = []
  let held = 0
  let wanted = -1
  for await (const chunk of process.stdin) {
    waiting.push(chunk)
    held += chunk.length
    for (;;) {
      if (wanted < 0) {
        const buffer = Buffer.concat(waiting)
        waiting = [buffer]
        const end = buffer.indexOf(10)
        if (end < 0) break
        wanted = Number(buffer.subarray(0, end))
        waiting = [buffer.subarray(end + 1)]
        held -= end + 1
      }
      if (held < wanted) break
      const buffer = Buffer.concat(waiting)
      yield JSON.parse(buffer.subarray(0, wanted))
      waiting = [buffer.subarray(wanted)]
      held -= wanted
      wanted = -1
    }
  }
}

let handler
try {
  handler = (await import(`./${name}.mjs`))[exported]
  if (typeof handler !== 'function') throw new TypeError(`${place} is no function`)
} catch (error) {
  send({ error: { name: error.name, message: error.message } })
  process.exit(1)
}
send({ result: 'ready' })
for await (const { event, context } of frames()) {
  try {
    const { deadline, ...facts } = context
    send({ result: await handler(event, { ...facts, getRemainingTimeInMillis: () => deadline - Date.now() }) ?? null })
  } catch (error) {
    send({ error: { name: error?.name ?? 'Error', message: error?.message ?? String(error) } })
  }
}
