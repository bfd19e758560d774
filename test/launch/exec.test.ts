// Bots that were never told of weir, started by `weir exec`: each call is routed and trusted, which the X-Weir headers of
// the answers prove. (That every client is, and that nothing goes past weir, is shown in test/clients.)

import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCommand, openPython } from '../clients/needs.ts'
import { type Exchange, startExchange } from '../support/exchange/exchange.ts'
import { startWeir, type Weir } from '../support/weir.ts'
import { at, program, runCli, runScript, startCli } from './launch.ts'

const python = await openPython('./requirements.txt')
const hasJava = await openCommand(['java', '--version'], ['default-jdk-headless'])
const CURL = ['curl', '--silent', '--show-error', '--output', '/dev/null', '--write-out', '%header{x-weir-decision}']
const TIME = 'https://api.exchange.coinbase.com/time'

let exchange: Exchange
let weir: Weir
let bot: Record<string, string>

beforeAll(async () => {
  exchange = await startExchange()
  weir = await startWeir({ exchange })
  bot = { OTHER_PORT: String(exchange.port), OTHER_CA: exchange.caFile }
})

afterAll(async () => {
  await weir[Symbol.asyncDispose]()
  await exchange.close()
})

const exec = (flags: readonly string[], command: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(['exec', ...at(weir), ...flags, '--', ...command], env)

/** What `programs/reach.*` saw, by way. */
const reach = async (command: readonly string[], ways: readonly string[]): Promise<unknown> => {
  const { stdout, stderr } = await exec([], [...command, ...ways], bot)
  return stdout.startsWith('{') ? JSON.parse(stdout) : stderr
}

/** Makes Node tell on standard error which of weir's own files and packages it loads. */
const TELL_LOADED = `--import=data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module'
  registerHooks({ load: (url, context, next) => (process._rawDebug(url), next(url, context)) })
`)}`

describe('a bot under weir exec', { timeout: 120_000 }, () => {
  const NODE = {
    fetch: 'forwarded',
    https: 'forwarded',
    'https with its own ca': 'forwarded',
    'connect imported by name': 'forwarded',
    WebSocket: 'hello',
    ws: 'hello',
    elsewhere: 'past weir: 200',
  }

  it('is led to weir in every way that Node connects, and nowhere else', async () => {
    expect(await reach([process.execPath, program('reach.ts')], Object.keys(NODE))).toEqual(NODE)
  })

  // Half a second of every start went into a proxy that was not to be started.
  it('does not wait until a proxy is loaded that nobody starts', async () => {
    const { stderr, status } = await exec(['--no-hooks'], ['true'], { NODE_OPTIONS: TELL_LOADED })
    expect(status).toBe(0)
    expect(stderr).toContain('/src/cli/exec.ts')
    expect(stderr).not.toMatch(/\/src\/(app\/app|cli\/serve)\.ts|node_modules\/(undici|ioredis|prom-client|zod|pino)\//)
  })

  it('is led to weir also by a Node that looks at no variable, as before 22.21', async () => {
    const deaf = ['env', '-u', 'NODE_USE_ENV_PROXY', process.execPath, program('reach.ts')]
    expect(await reach(deaf, Object.keys(NODE))).toEqual(NODE)
  })

  it.skipIf(python === undefined)(
    'is led to weir by Python whatever it was told, without delay, and nowhere else',
    async () => {
      // With Nagle's algorithm the body of a request waits some 40 ms for the acknowledgement of its head.
      const seen = {
        'a prepared request': 'forwarded',
        "requests without Nagle's algorithm": true,
        elsewhere: [false, false],
      }
      expect(await reach([String(python), program('reach.py')], Object.keys(seen))).toEqual(seen)
    },
  )

  it('goes by the name that it was given, or by that of its command', async () => {
    expect(await exec(['--name', 'grid 1'], [...CURL, TIME])).toMatchObject({ status: 0, stdout: 'forwarded' })
    expect(await exec([], [...CURL, TIME])).toMatchObject({ status: 0, stdout: 'forwarded' })
    const { calls } = (await (await fetch(`${weir.admin}/v1/recent?limit=2`)).json()) as { calls: { bot: string }[] }
    expect(calls.map(({ bot: name }) => name).sort()).toEqual(['curl', 'grid 1'])
  })

  it.each(['*', 'db.internal,.coinbase.com', 'api.exchange.coinbase.com:443 db.internal'])(
    'does not go past weir for NO_PROXY=%s',
    async (list) => {
      const env = { NO_PROXY: list, no_proxy: list }
      expect(await exec([], [...CURL, TIME], env)).toMatchObject({ status: 0, stdout: 'forwarded' })
    },
  )

  it('needs no hook where variables do', async () => {
    const { stdout } = await exec(
      ['--no-hooks'],
      ['sh', '-c', `echo "[$NODE_OPTIONS$PYTHONPATH]"; ${CURL.join(' ')} ${TIME}`],
    )
    expect(stdout).toBe('[]\nforwarded')
  })
})

describe('weir exec', { timeout: 90_000 }, () => {
  it('ends with the status of its command, and hands over every word of it', async () => {
    const { status, stdout } = await exec(
      [],
      ['sh', '-c', 'printf "%s|" "$@"; exit 42', 'sh', '--help', 'a b', '--', ''],
    )
    expect({ status, stdout }).toEqual({ status: 42, stdout: '--help|a b|--||' })
  })

  it('says 128 and the signal when one ended its command, 127 when there is none', async () => {
    expect(await exec([], ['sh', '-c', 'kill -KILL $$'])).toMatchObject({ status: 137 })
    expect(await exec([], ['no-such-command'])).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('weir: no-such-command: not found'),
    })
  })

  // SIGQUIT and SIGUSR2 ended weir exec alone, and the bot traded on with nobody to stop it; SIGUSR1 opened a debugger in it.
  it.each([
    ...(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const),
    ...(['SIGUSR1', 'SIGUSR2', 'SIGALRM', 'SIGWINCH', 'SIGCONT'] as const),
  ])('passes %s on', async (signal) => {
    const script = `
      process.on('${signal}', () => { process.stdout.write('told'); process.exit(7) })
      process.stdout.write('up ')
      setTimeout(() => process.exit(9), 15_000)`
    const child = startCli(['exec', ...at(weir), '--', process.execPath, '--eval', script])
    let said = ''
    child.stdout.on('data', (piece: Buffer) => {
      said += piece.toString()
      if (said === 'up ') child.kill(signal)
    })
    const [status] = await once(child, 'close')
    expect({ status, said }).toEqual({ status: 7, said: 'up told' })
  })

  it('starts nothing when no weir would be in the way', async () => {
    const witness = join(weir.stateDir, 'was-started')
    const [admin, listen] = [new URL(weir.admin).host, new URL(weir.proxy).host]
    const start = (...flags: string[]) => runCli(['exec', ...flags, '--', 'touch', witness])
    const nobody = await start('--admin', '127.0.0.1:1', '--listen', listen)
    expect(nobody).toMatchObject({ status: 1, stderr: expect.stringContaining('start one') })
    const closed = await start('--admin', admin, '--listen', '127.0.0.1:1')
    expect(closed).toMatchObject({ status: 1, stderr: expect.stringContaining('nothing listens on 127.0.0.1:1') })
    const other = await start('--admin', admin, '--listen', `127.0.0.1:${exchange.port}`)
    expect(other).toMatchObject({ status: 1, stderr: expect.stringContaining('is not the weir that was asked') })
    expect(existsSync(witness)).toBe(false)
  })

  it('says so when it can not write its files', async () => {
    const flags = [
      '--listen',
      new URL(weir.proxy).host,
      '--admin',
      new URL(weir.admin).host,
      '--state-dir',
      weir.config,
    ]
    const { status, stderr } = await runCli(['exec', ...flags, '--', 'true'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(/^weir: ENOTDIR.*\n$/) })
  })

  it('explains itself when there is no command', async () => {
    expect(await runCli(['exec', 'python', 'bot.py'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Usage: weir exec'),
    })
    expect(await runCli(['exec', 'bot', '--', 'bot'])).toMatchObject({ status: 2 })
    expect(await runCli(['exec', '--lisen', 'x', '--', 'true'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('did you mean "--listen"'),
    })
  })

  it.skipIf(!hasJava)('makes a trust store for Java, with --java', async () => {
    const { stdout, stderr } = await exec(['--java'], ['java', program('Reach.java')])
    expect(stdout, stderr).toBe('forwarded forwarded\n')
  })

  it('--own starts a weir for the command, and takes it away afterwards', async () => {
    await using home = await startWeir({ exchange })
    await home.stop()
    const flags = [
      ...['--own', '--config', home.config, '--state-dir', home.stateDir, '--admin', '127.0.0.1:1'],
      ...['--upstream-ca', exchange.caFile, '--connect-to', `api.exchange.coinbase.com:443:127.0.0.1:${exchange.port}`],
    ]
    const script = `echo "$HTTPS_PROXY"; ${CURL.join(' ')} ${TIME}; exit 3`
    const { status, stdout, stderr } = await runCli(['exec', ...flags, '--', 'sh', '-c', script])
    const [proxy = '', decision] = stdout.split('\n')
    expect({ status, decision }, stderr).toEqual({ status: 3, decision: 'forwarded' })
    const socket = createConnection(Number(new URL(proxy).port), '127.0.0.1')
    expect((await once(socket, 'error'))[0]).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('weir env', { timeout: 90_000 }, () => {
  it('prints what makes a command in that shell go through weir', async () => {
    const { status, stdout } = await runCli(['env', ...at(weir), '--name', 'by hand'])
    expect(status).toBe(0)
    const read = await runScript(`${stdout}\n${CURL.join(' ')} ${TIME}`)
    expect(read.stdout, read.stderr).toBe('forwarded')
    expect(exchange.report()).toMatchObject({ violations: 0 })
  })

  it('says which formats there are, and that no weir answers', async () => {
    expect(await runCli(['env', ...at(weir), '--format', 'doteny'])).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'weir: --format doteny; did you mean "dotenv"?\n',
    })
    expect(await runCli(['env', '--admin', '127.0.0.1:1'])).toMatchObject({ status: 1, stdout: '' })
  })
})
