--- Runs shell commands side by side, and collects what they write in a quickfix list: what :ExpoolRun does.
---
--- Each run is a task of one server, which is started when it is first needed and ends with Neovim.

local client = require('expool.client')
local M = {}

local pool -- nil while no server runs
local runs = {} -- those that have not ended, by task: { list = id of the quickfix list, efm = }

local function tell(text, level)
  vim.notify('expool: ' .. tostring(text), level or vim.log.levels.INFO)
end

local function fail(problem)
  tell(problem, vim.log.levels.ERROR)
end

--- Appends to the quickfix list of a run, whichever list the user looks at by now.
local function append(run, what)
  vim.fn.setqflist({}, 'a', vim.tbl_extend('force', { id = run.list }, what))
end

local function seconds(record)
  return ('%.1f s'):format(record.duration or 0)
end

local function how(record)
  return record.reason == 'exited' and 'exit code ' .. record.code or record.reason
end

local function job_started(params)
  append(runs[params.task], { items = { { text = ('[%d] %s: starts'):format(params.job, params.name) } } })
end

local function job_finished(record)
  local run = runs[record.task]
  append(run, { items = { { text = ('[%d] %s: %s, %s'):format(record.job, record.name, how(record), seconds(record)) } } })
  local lines = vim.split(vim.trim(record.stdout or ''), '\n')
  if lines[1] ~= '' then
    append(run, { lines = lines, efm = run.efm })
  end
end

local function run_finished(record)
  local run = runs[record.task]
  runs[record.task] = nil
  tell(('%d succeeded, %d failed, %s'):format(record.numdone, record.numterm, seconds(record)))
  if record.numterm > 0 and vim.fn.getqflist({ id = 0 }).id == run.list then
    vim.cmd('botright copen')
    vim.cmd('wincmd p')
  end
end

--- Notifications come for jobs and tasks; all of ours belong to runs.
local function of_kind(job, task)
  return function(params)
    local handle = params.kind == 'job' and job or task
    if handle then
      handle(params)
    end
  end
end

local function server_ended(problem)
  local lost = next(runs)
  pool, runs = nil, {}
  if lost then
    fail(problem)
  end
end

--- Gives the server's pool, or nil if none can be started.
local function server()
  if not pool then
    local problem
    pool, problem = client.start({
      on = { onstart = of_kind(job_started, nil), onfinish = of_kind(job_finished, run_finished) },
      on_end = server_ended,
    })
    if not pool then
      fail(problem)
    end
  end
  return pool
end

--- Calls a method of the pool, and goes on with its result, if at all, unless it fails.
local function call(method, params, go_on)
  pool:call(method, params, function(problem, result)
    if problem and (problem.code or not next(runs)) then
      fail(problem) -- else server_ended tells it
    elseif go_on and not problem then
      go_on(result)
    end
  end)
end

local function job_of(command, task)
  local args = vim.split(vim.o.shell .. ' ' .. vim.o.shellcmdflag, ' ', { trimempty = true })
  table.insert(args, command)
  return { name = command, args = args, workdir = vim.fn.getcwd(), task = task, stdout = 'pipe', stderr = 'stdout' }
end

--- Runs shell commands in the current folder, as many at once as the server allows.
function M.run(commands)
  if not server() then
    return
  end
  vim.fn.setqflist({}, ' ', { title = 'ExpoolRun', items = {} })
  local run = { list = vim.fn.getqflist({ id = 0 }).id, efm = vim.o.errorformat }
  call('task', { name = 'ExpoolRun' }, function(result)
    runs[result.task] = run
    local jobs = vim.tbl_map(function(command) return job_of(command, result.task) end, commands)
    call('execute', { jobs = jobs })
    call('close', { task = result.task })
  end)
end

--- Cancels one command, by the number that the list shows in brackets, or all that run.
function M.cancel(job)
  if not pool then
    return tell('nothing runs')
  end
  local whom = job and { { job = job } } or vim.tbl_map(function(task) return { task = task } end, vim.tbl_keys(runs))
  for _, params in ipairs(whom) do
    call('cancel', params)
  end
end

--- Ends the server, and with it all that runs, when Neovim is left.
function M.stop()
  if pool then
    pool:close()
  end
end

return M
