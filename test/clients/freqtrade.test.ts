// freqtrade as its users start it. What it is made of takes minutes to install, so this runs on demand: WEIR_LONG=1.

import { expect, it } from 'vitest'
import { openPython } from './needs.ts'
import { openSweep, program } from './sweep.ts'

const wanted = process.env.WEIR_LONG === '1'
const python = wanted ? await openPython('./requirements-freqtrade.txt') : undefined
if (!wanted) process.stdout.write('SKIPPED: freqtrade: it runs with WEIR_LONG=1\n')

it.skipIf(python === undefined)(
  '(freqtrade) trades through weir under weir exec, and backs off when it is told that it asks for too much',
  { timeout: 120_000 },
  async () => {
    await using sweep = await openSweep()
    const command = [String(python), program('with_freqtrade.py')]
    const { stdout, stderr, reached } = await sweep.run('freqtrade', command, { exec: [] })
    expect(JSON.parse(stdout), stderr).toEqual({ ordered: true, found: true, backsOff: true })
    const served = reached.filter(({ verdict }) => verdict === 'served').map(({ path }) => path)
    expect(served).toEqual(
      expect.arrayContaining(['BalanceEx', 'AddOrder', 'QueryOrders'].map((method) => `/0/private/${method}`)),
    )
  },
)
