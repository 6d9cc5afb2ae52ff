#!/usr/bin/env node
// Runs shell commands side by side and shows how each of them goes. As soon as one fails, the others are cancelled.
//
//     node failfast.mjs 'npm run lint' 'npm test' 'npm run build'
//
// Exit status: 0 all succeeded, 1 a command failed, 2 wrong use, 3 no server, 130 interrupted.

import { Pool, ServerError } from './expool.mjs'

const statuses = { fine: 0, failed: 1, usage: 2, noServer: 3, interrupted: 130 }

async function main(commands) {
  if (commands.length === 0) {
    console.error("usage: failfast.mjs COMMAND...\nfor example: failfast.mjs 'npm run lint' 'npm test'")
    return statuses.usage
  }
  let pool
  try {
    pool = await Pool.start({ workers: commands.length })
    return await failfast(pool, commands)
  } catch (error) {
    if (!(error instanceof ServerError)) throw error
    console.error(`failfast: ${error.message}`)
    return statuses.noServer
  } finally {
    await pool?.close()
  }
}

async function failfast(pool, commands) {
  pool.on('onstart', ({ kind, job, name }) => kind === 'job' && console.log(`[${job}] starts: ${name}`))
  pool.on('onfinish', (record) => record.kind === 'job' && report(record))

  const { task } = await pool.call('task', { name: 'failfast' })
  const cancel = () => pool.call('cancel', { task }).catch(() => {}) // refused only if the server has ended, with all jobs
  const interrupted = onInterrupt(cancel)

  const run = async (command) => {
    const record = await pool.run({ name: command, args: ['sh', '-c', command], task, stdout: 'pipe', stderr: 'stdout' })
    if (record.state === 'failed') await cancel()
    return record.state === 'done'
  }
  const succeeded = await Promise.all(commands.map(run))
  if (interrupted()) return statuses.interrupted
  return succeeded.every(Boolean) ? statuses.fine : statuses.failed
}

/** Prints how a job ended, and what it wrote. */
function report({ job, state, reason, code, duration, stdout = '' }) {
  const how = reason === 'exited' ? `exit code ${code}` : reason
  console.log(`[${job}] ${state}: ${how}, ${(duration ?? 0).toFixed(2)} s`)
  for (const line of stdout.split('\n').filter(Boolean)) console.log(`[${job}]   ${line}`)
}

/** Cancels on the signals that ask to end; what it gives tells if one came. In a terminal the server gets them as well. */
function onInterrupt(cancel) {
  let came = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      came = true
      cancel()
    })
  }
  return () => came
}

process.exitCode = await main(process.argv.slice(2))
