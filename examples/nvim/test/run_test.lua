local t = require('helpers')

local told = {}
vim.notify = function(text) table.insert(told, text) end

--- Waits until the user is told what matches, and gives it.
local function hear(pattern)
  return t.till('the user is told ' .. pattern, function()
    for i, text in ipairs(told) do
      if text:match(pattern) then
        return table.remove(told, i)
      end
    end
  end)
end

local function texts()
  return vim.tbl_map(function(item) return (item.text:gsub('%d+%.%d s', 'T s')) end, vim.fn.getqflist())
end

local function is_shown()
  return vim.fn.getqflist({ winid = 0 }).winid ~= 0
end

--- Waits for the end of a run of which so many succeed and fail.
local function ends_with(done, failed)
  hear(('^expool: %d succeeded, %d failed, '):format(done, failed))
end

t.test(':ExpoolRun shows a command and its output in the quickfix list', function()
  vim.cmd('ExpoolRun echo hello | tr h j')
  ends_with(1, 0)
  t.equal(texts(), { '[1] echo hello | tr h j: starts', '[1] echo hello | tr h j: exit code 0, T s', 'jello' })
  t.equal(vim.fn.getqflist({ title = 1 }).title, 'ExpoolRun')
  t.equal(is_shown(), false)
end)

t.test('a failure opens the list, and places in its output can be jumped to', function()
  local source = vim.fn.tempname() .. '.c'
  vim.fn.writefile({ 'int', 'main' }, source)
  vim.cmd(('ExpoolRun echo "%s:2:1: error: broken"; exit 1'):format(source))
  ends_with(0, 1)
  t.equal(is_shown(), true)
  vim.cmd('cclose')
  vim.cmd('silent cnext')
  t.equal({ vim.fn.expand('%:p'), vim.fn.line('.') }, { vim.fn.resolve(source), 2 })
  vim.cmd('bwipe!')
end)

t.test('a range runs each line that is not empty', function()
  vim.cmd('enew!')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'echo one', '', 'echo two >&2; exit 3', 'echo not this' })
  vim.cmd('1,3ExpoolRun')
  ends_with(1, 1)
  local all = table.concat(texts(), '\n')
  t.matches(all, 'echo one: exit code 0, T s\none')
  t.matches(all, 'exit 3: exit code 3, T s\ntwo')
  t.equal(all:match('not this'), nil)
  vim.cmd('cclose')
end)

t.test('each run has its own list, whichever the user looks at', function()
  local go = vim.fn.tempname()
  vim.cmd(('ExpoolRun until test -e %s; do sleep 0.01; done; echo late'):format(go))
  t.till('it starts', function() return texts()[1] end)
  local list = vim.fn.getqflist({ id = 0 }).id
  vim.fn.setqflist({}, ' ', { title = 'other', lines = { 'other' } })
  vim.fn.writefile({}, go)
  ends_with(1, 0)
  t.equal(texts(), { 'other' })
  t.equal(vim.fn.getqflist({ id = list, items = 1 }).items[3].text, 'late')
end)

t.test(':ExpoolCancel ends one command by its number, or all', function()
  local file = vim.fn.tempname()
  vim.cmd(('ExpoolRun echo $$ > %s; exec sleep 100000'):format(file))
  local pid = t.pid_in(file)
  vim.cmd('ExpoolCancel ' .. texts()[1]:match('^%[(%d+)%]'))
  ends_with(0, 1)
  t.till_gone(pid)
  t.matches(texts()[2], ': cancelled, T s$')

  vim.cmd(('ExpoolRun echo $$ > %s; exec sleep 100000'):format(file .. '2'))
  pid = t.pid_in(file .. '2')
  vim.cmd('ExpoolCancel')
  ends_with(0, 1)
  t.till_gone(pid)
end)

t.test('wrong use is told', function()
  vim.cmd('ExpoolCancel x')
  hear('"x" is no number of a command')
  vim.cmd('ExpoolCancel 1000000')
  hear('there is no job 1000000')
  vim.cmd('enew!')
  vim.cmd('ExpoolRun')
  hear('there is no command')
end)

local function kill_server()
  local children = vim.api.nvim_get_proc_children(vim.fn.getpid())
  t.equal(#children, 1)
  vim.loop.kill(children[1], 'sigkill')
end

t.test('a server that dies is told, and so is that there is none for the next run', function()
  local file = vim.fn.tempname()
  vim.cmd(('ExpoolRun echo $$ > %s; exec sleep 100000'):format(file))
  local pid = t.pid_in(file)
  kill_server()
  hear('the server has ended %(signal 9%)')
  t.till_gone(pid)

  local command = vim.env.EXPOOL_RPC
  vim.env.EXPOOL_RPC = '/nowhere/expool-rpc'
  vim.cmd('ExpoolRun true')
  vim.env.EXPOOL_RPC = command
  hear('starting the server /nowhere/expool%-rpc: ENOENT')
  vim.cmd('ExpoolRun true')
  ends_with(1, 0)
end)

t.test('a run that comes as the server ends is told so', function()
  require('expool.run').stop()
  vim.cmd('ExpoolRun true')
  hear('the server has ended %(status 0%)')
end)

--- Starts another Neovim, in which a command runs, and gives its job and the command's process id. ending(file) is what it
--- executes then; file has the id once the command runs.
local function other(ending)
  local file = vim.fn.tempname()
  local args = { vim.v.progpath, '--headless', '-u', 'NONE', '-i', 'NONE', '-n', '--cmd', 'set rtp^=' .. vim.g.example }
  local commands = { 'runtime plugin/expool.lua', ('ExpoolRun echo $$ > %s; exec sleep 100000'):format(file), ending(file) }
  for _, command in ipairs(commands) do
    vim.list_extend(args, { '-c', command })
  end
  return vim.fn.jobstart(args), t.pid_in(file)
end

t.test('Neovim that exits leaves no process', function()
  local job, pid = other(function(file)
    return ('lua vim.wait(60000, function() return vim.fn.getfsize("%s") > 0 end) vim.cmd("qall!")'):format(file)
  end)
  t.equal(vim.fn.jobwait({ job }), { 0 })
  t.till_gone(pid)
end)

t.test('Neovim that is killed leaves no process', function()
  local job, pid = other(function() return 'echo' end)
  vim.loop.kill(vim.fn.jobpid(job), 'sigkill')
  t.till_gone(pid)
  vim.fn.jobwait({ job })
end)
