--- A client of expool-rpc for Neovim 0.7 or later. It needs nothing else: copy this file into your plugin.
---
---     local pool = assert(require('expool.client').start({
---       settings = { workers = 4 },
---       on = { onstart = function(job) print('started: ' .. job.name) end },
---     }))
---     pool:run({ name = 'list', args = { 'ls', '-l' }, stdout = 'pipe', timeout = 10 }, function(problem, record)
---       print(problem or record.stdout)
---       pool:close() -- ends all that still runs
---     end)
---
--- Jobs, results and records are those of protocol.md; null is nil. All callbacks come in the order of the wire, on the main
--- loop, where all of Neovim's API may be used.

local uv = vim.uv or vim.loop
local M = {}

local Pool = {}
Pool.__index = Pool

--- How much of the server's standard error is kept, to be told when it ends. It must not reach the screen.
local KEPT = 2000

--- Starts a server, and gives its pool, or nil and what is wrong. All options may be left out:
---   command   the server's program; else $EXPOOL_RPC, else expool-rpc from PATH
---   settings  those of initialize
---   on        functions for the notifications: onstart, ondone, onfinish, each called with its params
---   confirm   function(params): asked before each attempt of a job with confirm; a string that it gives rejects the attempt
---   on_end    function(problem): called once, when the server has ended in any way
---   on_ready  function(problem, info): called with the result of initialize; without it, a refusal is an error
function M.start(options)
  options = options or {}
  local command = options.command or vim.env.EXPOOL_RPC or 'expool-rpc'
  local pipes = { uv.new_pipe(false), uv.new_pipe(false), uv.new_pipe(false) }
  local pool = setmetatable({ options = options, on = options.on or {}, stdin = pipes[1], last_id = 0, calls = {}, runs = {}, parts = {}, said = '' }, Pool)

  local open = 3 -- the process and its two outputs: the end has come when all of them have ended
  local function ended()
    open = open - 1
    if open == 0 then
      vim.schedule(function() pool:_ended() end)
    end
  end
  local problem
  pool.process, problem = uv.spawn(command, { args = { '--on-eof=terminate' }, stdio = pipes }, function(code, signal)
    pool.status = signal ~= 0 and 'signal ' .. signal or 'status ' .. code
    pool.process:close()
    ended()
  end)
  if not pool.process then
    for _, pipe in ipairs(pipes) do
      pipe:close()
    end
    return nil, ('starting the server %s: %s; set $EXPOOL_RPC to the path of expool-rpc'):format(command, problem)
  end
  pool.pid = problem -- what uv.spawn gives second if it succeeds
  M._read(pipes[2], function(chunk) pool:_read(chunk) end, ended)
  M._read(pipes[3], function(chunk) pool.said = (pool.said .. chunk):sub(-KEPT) end, ended)
  pool:call('initialize', options.settings, options.on_ready or function(refusal)
    if refusal and refusal.code then
      error(tostring(refusal))
    end
  end)
  return pool
end

--- Hands over what a pipe has to read, and tells its end.
function M._read(pipe, take, ended)
  pipe:read_start(function(problem, chunk)
    if chunk and not problem then
      return take(chunk)
    end
    pipe:close()
    ended()
  end)
end

--- Calls a method; done(problem, result) gets its answer. A problem is a table with `message`, and the `code` and `data` of a
--- refusal; it prints as its message.
function Pool:call(method, params, done)
  if self.ended then
    return vim.schedule(function() done(self.ended) end)
  end
  self.last_id = self.last_id + 1
  self.calls[self.last_id] = done
  self:_send({ id = self.last_id, method = method, params = params and next(params) and params or vim.empty_dict() })
end

--- Executes a job; done(problem, record) gets its record when it has ended in any way: record.state is "done" or "failed".
--- started(id), if given, is told its id before.
function Pool:run(job, done, started)
  self:call('execute', job, function(problem, reply)
    if problem or job.wait then
      return done(problem, reply)
    end
    self.runs[reply.job] = done
    if started then
      started(reply.job)
    end
  end)
end

--- Has all jobs and the server end. on_end tells when they have.
function Pool:close()
  if not self.stdin:is_closing() then
    self.stdin:close()
  end
end

function Pool:_send(message)
  message.jsonrpc = '2.0'
  if not self.stdin:is_closing() then
    self.stdin:write(vim.json.encode(message) .. '\n') -- if that fails, the server has ended, which is told anyway
  end
end

function Pool:_read(chunk)
  local start, newline = 1, chunk:find('\n', 1, true)
  while newline do
    table.insert(self.parts, chunk:sub(start, newline - 1))
    local line = table.concat(self.parts)
    self.parts, start = {}, newline + 1
    vim.schedule(function() self:_receive(line) end)
    newline = chunk:find('\n', start, true)
  end
  table.insert(self.parts, chunk:sub(start))
end

function Pool:_receive(line)
  local ok, message = pcall(vim.json.decode, line, { luanil = { object = true, array = true } })
  if not ok then
    self.broken = (': "%s" is no JSON; is it expool-rpc?'):format(line:sub(1, 80))
    self.process:kill('sigterm')
  elseif not message.method then
    self:_replied(message)
  elseif message.id then
    self:_asked(message)
  else
    self:_notified(message)
  end
end

local Problem = { __tostring = function(p) return p.message end }

function Pool:_replied(message)
  local done = self.calls[message.id]
  self.calls[message.id] = nil
  if done then
    done(message.error and setmetatable(message.error, Problem), message.result)
  end
end

function Pool:_notified(message)
  local params = message.params
  if self.on[message.method] then
    self.on[message.method](params)
  end
  if message.method == 'onfinish' and params.kind == 'job' and self.runs[params.job] then
    local done = self.runs[params.job]
    self.runs[params.job] = nil
    done(nil, params)
  end
end

function Pool:_asked(message)
  local refusal = self.options.confirm and self.options.confirm(message.params)
  if type(refusal) == 'string' then
    self:_send({ id = message.id, error = { code = 1, message = refusal } })
  else
    self:_send({ id = message.id, result = vim.empty_dict() })
  end
end

function Pool:_ended()
  local said = vim.trim(self.said) ~= '' and ', having said: ' .. vim.trim(self.said) or ''
  self.ended = setmetatable({ message = ('the server has ended (%s)%s%s'):format(self.status, self.broken or '', said) }, Problem)
  self:close()
  local waiting = vim.list_extend(vim.tbl_values(self.calls), vim.tbl_values(self.runs))
  self.calls, self.runs = {}, {}
  for _, done in ipairs(waiting) do
    done(self.ended)
  end
  if self.options.on_end then
    self.options.on_end(self.ended)
  end
end

return M
