local client = require('expool.client')
local t = require('helpers')

--- Runs body with a pool that ends with it.
local function with_pool(options, body)
  local ended
  options.on_end = function(problem) ended = problem end
  local pool, problem = client.start(options)
  assert(pool, problem)
  local ok, err = xpcall(body, debug.traceback, pool)
  pool:close()
  t.till('the server has ended', function() return ended end)
  assert(ok, err)
  return ended
end

--- Runs a job to its end, and gives its record.
local function run(pool, job)
  local problem, record = t.await(function(done) pool:run(job, done) end)
  assert(not problem, problem)
  return record
end

t.test('run gives the record of a job, with its captured output', function()
  with_pool({}, function(pool)
    local record = run(pool, { name = 'greet', args = { 'sh', '-c', 'echo "héllo wörld"; exit 3' }, stdout = 'pipe' })
    t.equal({ record.state, record.reason, record.code, record.stdout, record.task }, { 'failed', 'exited', 3, 'héllo wörld\n', nil })
    t.equal(run(pool, { name = 'sync', args = { 'false' }, wait = true }).code, 1)
  end)
end)

t.test('settings reach the server, and a refusal names the field', function()
  local info, refusal
  with_pool({ settings = { workers = 3 }, on_ready = function(_, result) info = result end }, function()
    t.till('it is initialized', function() return info end)
    t.equal(info.workers, 3)
  end)
  with_pool({ settings = { wrokers = 3 }, on_ready = function(problem) refusal = problem end }, function()
    t.till('it is refused', function() return refusal end)
    t.equal({ refusal.code, refusal.data.field }, { -32602, 'wrokers' })
    t.matches(refusal, 'did you mean workers')
  end)
end)

t.test('notifications come in order, with the params of the job', function()
  local seen = {}
  local function note(event)
    return function(params)
      assert(not vim.in_fast_event(), 'a callback must be able to use all of the API')
      table.insert(seen, { event, params.job, params.params.tag })
    end
  end
  with_pool({ on = { onstart = note('onstart'), ondone = note('ondone'), onfinish = note('onfinish') } }, function(pool)
    run(pool, { name = 'quick', args = { 'true' }, params = { tag = 'mine' } })
  end)
  t.equal(seen, { { 'onstart', 1, 'mine' }, { 'ondone', 1, 'mine' }, { 'onfinish', 1, 'mine' } })
end)

t.test('a line that comes in many pieces is put together', function()
  with_pool({}, function(pool)
    local script = 'i=0; while [ $i -lt 20000 ]; do echo "ü line $i of many"; i=$((i+1)); done'
    local lines = vim.split(run(pool, { name = 'long', args = { 'sh', '-c', script }, stdout = 'pipe' }).stdout, '\n')
    t.equal({ #lines, lines[1], lines[20000] }, { 20001, 'ü line 0 of many', 'ü line 19999 of many' })
  end)
end)

t.test('cancel ends one job, and the other goes on', function()
  local file = vim.fn.tempname()
  with_pool({ settings = { workers = 2 } }, function(pool)
    local id, problem, record
    pool:run({ name = 'one', args = t.endless(file) }, function(...) problem, record = ... end, function(job) id = job end)
    pool:run({ name = 'other', args = t.endless(file .. '2') }, function() end)
    local pid = t.pid_in(file)
    t.pid_in(file .. '2')
    pool:call('cancel', { job = id }, function() end)
    t.till('it has ended', function() return record end)
    t.equal({ record.reason, problem }, { 'cancelled', nil })
    t.till_gone(pid)
    local _, status = t.await(function(done) pool:call('status', {}, done) end)
    t.equal(status.running, 1)
  end)
  t.till_gone(t.pid_in(file .. '2'))
end)

t.test('a job with confirm asks before it starts', function()
  local function confirm(params) return params.name == 'no' and 'not today' or nil end
  with_pool({ confirm = confirm }, function(pool)
    t.equal(run(pool, { name = 'yes', args = { 'true' }, confirm = true }).state, 'done')
    local record = run(pool, { name = 'no', args = { 'true' }, confirm = true })
    t.equal(record.reason, 'rejected')
    t.matches(record.warnings[1], 'not today')
  end)
end)

t.test('when the server dies, what waits is told, later calls too, and no job is left', function()
  local file = vim.fn.tempname()
  local ended = with_pool({}, function(pool)
    local problem
    pool:run({ name = 'endless', args = t.endless(file) }, function(why) problem = why end)
    local pid = t.pid_in(file)
    vim.loop.kill(pool.pid, 'sigkill')
    t.till('the job is given up', function() return problem end)
    t.matches(problem, '^the server has ended %(signal 9%)')
    t.matches(t.await(function(done) pool:call('status', nil, done) end), 'signal 9')
    t.till_gone(pid)
  end)
  t.matches(ended, 'signal 9')
end)

t.test('a missing server is a problem that says what to do', function()
  local pool, problem = client.start({ command = '/nowhere/expool-rpc' })
  t.equal(pool, nil)
  t.matches(problem, '^starting the server /nowhere/expool%-rpc: ENOENT.*EXPOOL_RPC')
end)

t.test('a program that is no server is a problem that shows what it wrote', function()
  local function silent() end
  t.matches(with_pool({ command = 'ls', on_ready = silent }, function() end), 'status 2.*having said: ls: ')
  local impostor = vim.fn.tempname()
  vim.fn.writefile({ '#!/bin/sh', 'echo welcome', 'exec cat > /dev/null' }, impostor)
  vim.fn.setfperm(impostor, 'rwx------')
  local problem
  with_pool({ command = impostor, on_ready = function(why) problem = why end }, function()
    t.till('it is found out', function() return problem end)
    t.matches(problem, '"welcome" is no JSON')
  end)
end)

t.test('the example at the head of the client works', function()
  local source = table.concat(vim.fn.readfile(vim.g.example .. '/lua/expool/client.lua'), '\n')
  local example = source:match("\n(%-%-%-     local pool.-\n%-%-%-     end%))\n"):gsub('%-%-%-', '')
  local printed = {}
  local run = setfenv(loadstring(example), setmetatable({ print = function(text) table.insert(printed, text) end }, { __index = _G }))
  run()
  t.till('it has printed twice', function() return printed[2] end)
  t.equal(printed[1], 'started: list')
  t.matches(printed[2], '^%S+ %d+\n') -- the total, in any language
end)
