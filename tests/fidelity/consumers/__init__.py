"""Programs of other people that know AWS's events: frameworks behind their adapters, typed parsers, types. They judge ours."""
