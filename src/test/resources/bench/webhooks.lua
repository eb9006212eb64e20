-- Sends webhooks that were signed beforehand: one a line, the signature, a tab, and the body; a file for each thread.
local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

function init(arguments)
    requests = {}
    at = 0
    for line in io.lines(arguments[1] .. "." .. number) do
        local signature, body = line:match("^([^\t]*)\t(.*)$")
        local headers = { ["Stripe-Signature"] = signature, ["Content-Type"] = "application/json" }
        requests[#requests + 1] = wrk.format("POST", nil, headers, body)
    end
end

function request()
    at = at + 1
    if at > #requests then
        wrk.thread:stop()
        at = #requests
    end
    return requests[at]
end
