import { readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuthority } from '../../src/tls/authority.ts'
import { Leaves } from '../../src/tls/leaves.ts'
import { trustAdvice } from '../../src/tls/trust.ts'
import { openCommand } from '../clients/needs.ts'
import { newStateDir, run, serve } from './fixture.ts'

const HOST = 'api.kraken.com'
const [hasPython, hasRequests, hasJava, hasPhp] = [
  await openCommand(['python3', '--version'], ['python3']),
  await openCommand(['python3', '-c', 'import requests'], ['python3-requests']),
  await openCommand(['javac', '--version'], ['default-jdk-headless']),
  await openCommand(['php', '--ri', 'curl'], ['php-cli', 'php-curl']),
]
const javaClient = new URL('./Client.java', import.meta.url).pathname

/** A server under a fresh authority whose directory has a space in its name, and the advice for it. */
async function newServer() {
  const dir = join(await newStateDir(), "weir's state")
  const authority = await openAuthority({ dir, hosts: [HOST], now: Date.now })
  const port = await serve(new Leaves(authority, Date.now))
  const advice = trustAdvice(join(dir, 'ca.pem'), join(dir, 'bundle.pem'))
  return { dir, port, lines: advice.split('\n'), url: `https://${HOST}:${port}/` }
}

/** The line under the comment that begins so. */
function lineFor(lines: readonly string[], who: string): string {
  const at = lines.findIndex((line) => line.startsWith(`# ${who}`))
  return lines[at + 1] ?? `no advice for ${who}`
}

const shell = (script: string, env: NodeJS.ProcessEnv = {}) => run('bash', ['-euc', script], env)

describe('the advice', () => {
  it('is shell that parses, with the two paths whole wherever they stand', async () => {
    const advice = trustAdvice("/home/o'hara/my weir/ca.pem", "/home/o'hara/my weir/bundle.pem")
    expect(await shell(`bash -n <<'END'\n${advice}\nEND`)).toEqual({ code: 0, output: '' })
    const words = await shell(`${lineFor(advice.split('\n'), 'curl')}; echo "$CURL_CA_BUNDLE"`)
    expect(words.output).toBe("/home/o'hara/my weir/bundle.pem\n")
  })

  it('never turns verification off', () => {
    expect(trustAdvice('/a/ca.pem', '/a/bundle.pem')).not.toMatch(
      /insecure|REJECT_UNAUTHORIZED|verify=?\s?false|HTTPSVERIFY|-k\b(?! \/Lib)/i,
    )
  })

  it.each([
    'curl',
    'Python: requests',
    'Python: aiohttp, httpx',
    'Node',
    'ccxt, JavaScript',
    'ccxt, Python',
    'Go',
    'Java',
    'PHP',
    'freqtrade',
    'hummingbot',
    'Debian, Ubuntu',
    'Fedora',
    'macOS',
    'Windows',
    'Docker',
  ])('has a line for %s', (who) => {
    expect(lineFor(trustAdvice('/a/ca.pem', '/a/bundle.pem').split('\n'), who)).toMatch(/\/a\/(ca|bundle)\.pem/)
  })
})

describe('pasted as it stands, the line makes', () => {
  it('curl trust us', async () => {
    const { lines, port, url } = await newServer()
    const fetch = `curl -sS --noproxy '*' -m 10 --resolve ${HOST}:${port}:127.0.0.1 ${url}`
    expect(await shell(fetch)).not.toMatchObject({ code: 0 })
    expect(await shell(`${lineFor(lines, 'curl')}; ${fetch}`)).toEqual({ code: 0, output: 'ok' })
  })

  it('Node trust us', async () => {
    const { lines, port } = await newServer()
    const script = `const s = require('tls').connect({ host: '127.0.0.1', port: ${port}, servername: '${HOST}' },
      () => { console.log('ok'); s.destroy() })`
    const fetch = `"${process.execPath}" -e "${script}"`
    expect(await shell(fetch)).not.toMatchObject({ code: 0 })
    expect(await shell(`${lineFor(lines, 'Node')}; ${fetch}`)).toEqual({ code: 0, output: 'ok\n' })
  })

  it.skipIf(!hasRequests).each(['Python: requests', 'ccxt, Python', 'freqtrade'])(
    'requests trust us (%s)',
    async (who) => {
      const { dir, lines, url } = await newServer()
      const script = join(dir, 'bot.py')
      await writeFile(
        script,
        [
          'import socket, sys, requests',
          'real = socket.getaddrinfo',
          'socket.getaddrinfo = lambda host, *rest, **more: real("127.0.0.1", *rest, **more)',
          'print(requests.get(sys.argv[1], timeout=10).text)',
        ].join('\n'),
      )
      const fetch = `unset https_proxy HTTPS_PROXY; python3 "${script}" ${url}`
      expect(await shell(fetch)).not.toMatchObject({ code: 0 })
      expect(await shell(`${lineFor(lines, who)}; ${fetch}`)).toEqual({ code: 0, output: 'ok\n' })
    },
  )

  it.skipIf(!hasPython)('Python’s default context, which aiohttp and httpx take, trust us', async () => {
    const { dir, lines, port } = await newServer()
    const script = join(dir, 'bot.py')
    await writeFile(
      script,
      [
        'import socket, ssl',
        `with socket.create_connection(("127.0.0.1", ${port}), 5) as plain:`,
        `  with ssl.create_default_context().wrap_socket(plain, server_hostname="${HOST}"): print("ok")`,
      ].join('\n'),
    )
    const fetch = `python3 "${script}"`
    expect(await shell(fetch)).not.toMatchObject({ code: 0 })
    expect(await shell(`${lineFor(lines, 'Python: aiohttp')}; ${fetch}`)).toEqual({ code: 0, output: 'ok\n' })
  })

  it.skipIf(!hasPhp)('PHP trust us', async () => {
    const { dir, lines, port, url } = await newServer()
    await writeFile(
      join(dir, 'bot.php'),
      `<?php $c = curl_init('${url}');
      curl_setopt($c, CURLOPT_RESOLVE, ['${HOST}:${port}:127.0.0.1']);
      exit(curl_exec($c) === true ? 0 : 1);`,
    )
    expect(await shell(`cd "${dir}" && php bot.php`)).not.toMatchObject({ code: 0 })
    expect(await shell(`cd "${dir}" && ${lineFor(lines, 'PHP')}`)).toMatchObject({ code: 0 })
  })

  it.skipIf(!hasJava)(
    'Java trust us, and still the public roots',
    async () => {
      const { dir, lines, url } = await newServer()
      await writeFile(join(dir, 'hosts'), `127.0.0.1 ${HOST}\n`)
      const found = await run('java', ['-XshowSettings:properties', '-version'])
      const home = /java\.home = (.+)/.exec(found.output)?.[1] ?? ''
      // The JDK may lie behind symbolic links, as it does on Debian.
      await symlink(home, join(dirname(dir), 'jdk'))
      const made = await shell(lineFor(lines, 'Java, first'), { JAVA_HOME: join(dirname(dir), 'jdk') })
      expect(made).toMatchObject({ code: 0 })
      const fetch = `java "-Djdk.net.hosts.file=${join(dir, 'hosts')}" ${javaClient} ${url}`
      expect((await shell(fetch)).output).toContain('refused')
      expect((await shell(`${lineFor(lines, 'Java, then')}; ${fetch}`)).output).toContain('status 200')
      const store = await shell(`keytool -list -keystore "${join(dir, 'java-truststore')}" -storepass changeit`)
      expect(Number(/contains (\d+) entries/.exec(store.output)?.[1])).toBeGreaterThan(50)
      expect(await readFile(join(dir, 'ca.pem'), 'utf8')).toContain('BEGIN CERTIFICATE')
    },
    180_000,
  )
})
