import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { realClock } from '../../src/core/clock.ts'
import { patientFetch } from '../../src/core/patient-fetch.ts'

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`
}

const ask = (url: string, patienceMs = 10_000) => patientFetch(url, { headers: {} }, realClock, patienceMs)

describe('a patient fetch', { timeout: 30_000 }, () => {
  it('is answered by a status, whatever it is, and by the place that was asked', async () => {
    const paths: (string | undefined)[] = []
    const url = await serve(({ url: path }, response) => {
      paths.push(path)
      response.writeHead(302, { Location: '/elsewhere' }).end()
    })
    expect(await ask(url)).toEqual({ status: 302, tookMs: expect.any(Number) })
    expect(paths).toEqual(['/secret-path'])
  })

  it('does not wait for a body that never ends, nor for one that breaks', async () => {
    const left = Promise.withResolvers<void>()
    const endless = await serve((_, response) => {
      response.on('close', left.resolve)
      response.writeHead(200).write('and')
    })
    expect(await ask(endless)).toMatchObject({ status: 200 })
    await left.promise
    const broken = await serve((_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('and', () => response.destroy())
    })
    expect(await ask(broken)).toMatchObject({ status: 200 })
  })

  it('gives up when its patience is at an end', async () => {
    const url = await serve(() => {})
    expect(await ask(url, 50)).toEqual({ status: undefined, trouble: 'no answer in 50 ms' })
  })

  it('names what is wrong by its code, never by its address', async () => {
    const gone = await serve(({ socket }) => socket.destroy())
    for (const url of ['http://localhost:1/secret-path', 'http://[secret-path', gone]) {
      const { trouble } = (await ask(url)) as { trouble: string }
      expect(trouble).toMatch(/^(E[A-Z_]+|UND_ERR_\w+|no connection)$/)
    }
  })
})
