import { describe, expect, it } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { WeirError } from '../../src/core/errors.ts'
import { callFinished, type WeirEvent } from '../../src/core/events.ts'
import { Stack } from '../../src/core/stack.ts'
import { observe } from '../../src/observe/layer.ts'
import { rescue } from '../../src/rescue/layer.ts'
import { sampleCall, sampleClock, sampleRules } from './samples.ts'

const reply: Reply = { status: 200, statusText: 'OK', headers: [], body: Buffer.alloc(0), trailers: undefined }

describe('observe', () => {
  it('tells once of a call that went well, with its status and how long it took', async () => {
    const events: WeirEvent[] = []
    const clock = sampleClock()
    const call = sampleCall()
    await observe(
      (event) => events.push(event),
      clock,
    )(async () => {
      clock.at = 41
      return reply
    })(call)
    expect(events).toEqual([callFinished(call, 200, 41)])
  })

  it('tells once of a call that was rescued, with what had been thrown', async () => {
    const events: WeirEvent[] = []
    const thrown = new WeirError('circuit_open')
    const road = Stack.of<ReturnType<typeof sampleCall>>()
      .push(observe((event) => events.push(event), sampleClock()))
      .push(rescue(() => sampleRules(), sampleClock()))
      .serve(() => Promise.reject(thrown))
    expect((await road(sampleCall())).status).toBe(503)
    expect(events).toEqual([expect.objectContaining({ type: 'call.finished', status: 503, error: thrown })])
  })

  it('counts a call even when what is inside lets an error through', async () => {
    const events: WeirEvent[] = []
    const layer = observe((event) => events.push(event), sampleClock())
    await expect(layer(() => Promise.reject(new Error('bug')))(sampleCall())).rejects.toThrow('bug')
    expect(events).toHaveLength(1)
  })
})
