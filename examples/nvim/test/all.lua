-- Run from anywhere: nvim --headless -u NONE -i NONE -n -S examples/nvim/test/all.lua
local here = vim.fn.fnamemodify(vim.fn.resolve(vim.fn.expand('<sfile>:p')), ':h:h')
vim.g.example = here
vim.opt.runtimepath:prepend(here)
vim.cmd('runtime plugin/expool.lua')
package.path = here .. '/test/?.lua;' .. package.path

for _, name in ipairs({ 'client_test', 'run_test' }) do
  dofile(here .. '/test/' .. name .. '.lua')
end
require('helpers').finish()
