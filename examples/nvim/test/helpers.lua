--- A small test harness: tests run one after the other in one headless Neovim, which exits with 1 if one of them fails.

local M = {}
local failed = 0
local PATIENCE = 60000 -- ms; far beyond what anything takes, so that only what never comes fails

local function say(text) io.stdout:write(text .. '\n') end

function M.test(name, body)
  local ok, problem = xpcall(body, debug.traceback)
  failed = failed + (ok and 0 or 1)
  say((ok and 'ok - ' or 'not ok - ') .. name .. (ok and '' or '\n' .. problem))
end

function M.finish()
  vim.cmd(failed > 0 and 'cquit 1' or 'qall!')
end

function M.equal(got, want)
  if not vim.deep_equal(got, want) then
    error(('got %s, want %s'):format(vim.inspect(got), vim.inspect(want)), 2)
  end
end

function M.matches(text, pattern)
  if not tostring(text):match(pattern) then
    error(('%s does not match %s'):format(vim.inspect(tostring(text)), pattern), 2)
  end
end

--- Waits for condition() to give something true, and gives that.
function M.till(what, condition)
  local result
  vim.wait(PATIENCE, function()
    result = condition()
    return result
  end, 10)
  return result or error('waited in vain until ' .. what, 2)
end

--- Calls start(done), and gives what done is called with.
function M.await(start)
  local answer
  start(function(...) answer = { n = select('#', ...), ... } end)
  M.till('the call is answered', function() return answer end)
  return unpack(answer, 1, answer.n)
end

local function read(path)
  local file = io.open(path)
  local text = file and file:read('*a') or ''
  if file then
    file:close()
  end
  return text
end

--- A command that writes its process id into a file, and then sleeps for ever.
function M.endless(file)
  return { 'sh', '-c', 'echo $$ > "$0"; exec sleep 100000', file }
end

--- The id that such a command has written.
function M.pid_in(file)
  return M.till(file .. ' has a process id', function() return read(file):match('^(%d+)\n') end)
end

--- A process that has ended and waits to be reaped, perhaps for ever in a container, counts as gone.
function M.till_gone(pid)
  M.till('process ' .. pid .. ' is gone', function()
    local state = read('/proc/' .. pid .. '/stat'):match('.*%) (%a)')
    return not state or state == 'Z' or state == 'X'
  end)
end

return M
