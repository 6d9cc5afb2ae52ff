--- :[range]ExpoolRun [command]   runs the command, or each line of the range (the current line), into a quickfix list
--- :ExpoolCancel [number]        cancels one of the commands, or all

vim.api.nvim_create_user_command('ExpoolRun', function(options)
  local commands = { options.args }
  if options.args == '' then
    local lines = vim.api.nvim_buf_get_lines(0, options.line1 - 1, options.line2, false)
    commands = vim.tbl_filter(function(line) return vim.trim(line) ~= '' end, lines)
  end
  if #commands == 0 then
    return vim.notify('expool: there is no command: give one, or a range of lines', vim.log.levels.ERROR)
  end
  require('expool.run').run(commands)
end, { nargs = '*', range = true, complete = 'shellcmd', desc = 'run commands into a quickfix list' })

vim.api.nvim_create_user_command('ExpoolCancel', function(options)
  local job = tonumber(options.args)
  if options.args ~= '' and not job then
    return vim.notify(('expool: "%s" is no number of a command'):format(options.args), vim.log.levels.ERROR)
  end
  require('expool.run').cancel(job)
end, { nargs = '?', desc = 'cancel what ExpoolRun runs' })

vim.api.nvim_create_autocmd('VimLeavePre', {
  group = vim.api.nvim_create_augroup('expool', {}),
  callback = function()
    if package.loaded['expool.run'] then
      require('expool.run').stop()
    end
  end,
  desc = 'end the execution pool',
})
