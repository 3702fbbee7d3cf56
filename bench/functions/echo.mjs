// The smallest handler there is.
export const identity = async (event) => event
