// What `weir ca` prints: how to make each system and each client trust the local authority, one line to paste each.
// Pure text; weir itself never changes a trust store, and no line here weakens verification.

import { dirname, join } from 'node:path'

interface Way {
  readonly who: string
  /** A line for a POSIX shell, unless `who` says Windows. */
  readonly line: string
}

/**
 * The advice, for the paths of `ca.pem` (our root alone) and `bundle.pem` (public roots and ours). Comments start with
 * `#`, so that each block can be pasted into a shell as it stands.
 */
export function trustAdvice(caPath: string, bundlePath: string): string {
  const ca = shellWord(caPath)
  const bundle = shellWord(bundlePath)
  const javaStore = join(dirname(bundlePath), 'java-truststore')
  return [
    `# Root certificate of this weir:    ${caPath}`,
    `# Public roots with that one added: ${bundlePath}`,
    '# The root can only vouch for the hosts in limits.yaml. Its own key was thrown away when it was made.',
    '',
    '# == Nothing to set up: the bot started under weir gets all of it',
    'weir exec -- python bot.py',
    '',
    '# == One program: set this where the bot starts',
    ...paragraphs(clients(ca, bundle, javaStore)),
    '',
    '# == The whole machine',
    '# Reaches curl, Go and most system programs. It does not reach Node, Java or Python with certifi: set those above.',
    ...paragraphs(systems(ca, caPath)),
    '',
    '# == Containers',
    ...paragraphs(containers(ca, bundle)),
    '',
  ].join('\n')
}

function clients(ca: string, bundle: string, javaStorePath: string): readonly Way[] {
  const javaStore = shellWord(javaStorePath)
  const javaOptions = `-Djavax.net.ssl.trustStore=${jvmWord(javaStorePath)} -Djavax.net.ssl.trustStorePassword=changeit`
  const freqtrade = 'FREQTRADE__EXCHANGE__CCXT_CONFIG__'
  return [
    { who: 'curl', line: `export CURL_CA_BUNDLE=${bundle}` },
    {
      who: 'Python: requests (krakenex, coinbase-advanced-py, python-kraken-sdk)',
      line: `export REQUESTS_CA_BUNDLE=${bundle}`,
    },
    {
      who: 'Python: aiohttp, httpx, websockets (aiohttp also wants trust_env=True to see the proxy)',
      line: `export SSL_CERT_FILE=${bundle}`,
    },
    { who: 'Node: fetch, undici, axios, ws', line: `export NODE_EXTRA_CA_CERTS=${ca} NODE_USE_ENV_PROXY=1` },
    {
      who: "ccxt, JavaScript (and in the code: new ccxt.kraken({ httpsProxy: 'http://127.0.0.1:8080' }))",
      line: `export NODE_EXTRA_CA_CERTS=${ca}`,
    },
    {
      who: "ccxt, Python (and in the code: {'requests_trust_env': True, 'aiohttp_trust_env': True, 'cafile': the same file})",
      line: `export REQUESTS_CA_BUNDLE=${bundle} SSL_CERT_FILE=${bundle}`,
    },
    {
      who: 'Go and Rust on Linux (elsewhere they read the system store, below)',
      line: `export SSL_CERT_FILE=${bundle}`,
    },
    {
      who: "Java, first: a trust store of its own, with the JDK's roots and ours",
      line:
        `install -m 644 "$JAVA_HOME/lib/security/cacerts" ${javaStore} && ` +
        `keytool -importcert -noprompt -alias weir -file ${ca} -keystore ${javaStore} -storepass changeit`,
    },
    { who: 'Java, then', line: `export JAVA_TOOL_OPTIONS=${shellWord(javaOptions)}` },
    { who: 'PHP', line: `php -d curl.cainfo=${bundle} -d openssl.cafile=${bundle} bot.php` },
    {
      who: 'freqtrade',
      line:
        `export REQUESTS_CA_BUNDLE=${bundle} ${freqtrade}cafile=${bundle} ` +
        `${freqtrade}requests_trust_env=true ${freqtrade}aiohttp_trust_env=true`,
    },
    {
      who: 'hummingbot (it reads no proxy variable, so start it under `weir exec`)',
      line: `export SSL_CERT_FILE=${bundle}`,
    },
  ]
}

function systems(ca: string, caPath: string): readonly Way[] {
  return [
    {
      who: 'Debian, Ubuntu: the same as `weir ca trust --system`, which `weir ca untrust` takes back; Alpine',
      line: `sudo install -m 644 ${ca} /usr/local/share/ca-certificates/weir.crt && sudo update-ca-certificates`,
    },
    {
      who: 'Fedora, RHEL',
      line: `sudo install -m 644 ${ca} /etc/pki/ca-trust/source/anchors/weir.pem && sudo update-ca-trust`,
    },
    {
      who: 'macOS',
      line: `sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${ca}`,
    },
    { who: 'Windows', line: `certutil -user -addstore Root "${caPath}"` },
  ]
}

function containers(ca: string, bundle: string): readonly Way[] {
  const inside = '/etc/weir'
  const variables = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'].map(
    (name) => `-e ${name}=${inside}/bundle.pem`,
  )
  return [
    {
      who: 'Docker',
      line:
        `docker run -v ${ca}:${inside}/ca.pem:ro -v ${bundle}:${inside}/bundle.pem:ro ` +
        `${variables.join(' ')} -e NODE_EXTRA_CA_CERTS=${inside}/ca.pem IMAGE`,
    },
  ]
}

function paragraphs(ways: readonly Way[]): readonly string[] {
  return ways.flatMap(({ who, line }) => [`# ${who}`, line])
}

/** One word for a POSIX shell, quoted only where it needs to be. */
function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

/** One word for JAVA_TOOL_OPTIONS, which the JVM splits itself: it knows both quotes, but no escapes. */
function jvmWord(text: string): string {
  return /[\s']/.test(text) ? `"${text}"` : text
}
