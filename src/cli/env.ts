// `weir env`: the variables that `weir exec` sets, as text for a shell, a dotenv file, Docker or systemd.

import { didYouMeanOneOf } from '../config/suggest.ts'
import { FORMATS } from '../launch/formats.ts'
import { complain } from './complain.ts'
import { pack, readOrder, reportOf } from './launching.ts'
import { findRunning } from './running.ts'

/** Status 1 when no weir answers. */
export const env = async (args: readonly string[], environment: NodeJS.ProcessEnv): Promise<number> => {
  const order = readOrder(args, environment)
  if (order.report !== undefined) return complain(order.report, 1)
  const { flags, settings } = order
  const print = FORMATS.get(flags.format ?? 'sh')
  if (print === undefined) {
    return complain(`weir: --format ${flags.format ?? ''}${didYouMeanOneOf(flags.format ?? '', FORMATS.keys())}`, 2)
  }
  try {
    const { rows, paths, notes } = pack(await findRunning(settings), settings, flags, flags.name, environment)
    for (const note of notes) process.stderr.write(`weir: ${note}\n`)
    process.stdout.write(print(rows, paths))
    return 0
  } catch (error) {
    const report = reportOf(error)
    if (report === undefined) throw error
    return complain(report, 1)
  }
}
