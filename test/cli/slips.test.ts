// Slips of the fingers on the command line: a short answer that fits.

import { describe, expect, it } from 'vitest'
import { runCli } from '../launch/launch.ts'

describe('weir', { timeout: 60_000 }, () => {
  // `weir check` of a file that is not there, or with a flag that does not exist, assured the user that nothing was changed.
  it.each([
    [['check', '/nowhere/limits.yaml'], '/nowhere/limits.yaml  can not be read (ENOENT)\n1 problem.\n\n'],
    [
      ['check', '--lisen', 'x'],
      'command line  --lisen: is not a flag of weir; did you mean "--listen"?\n1 problem.\n\n',
    ],
  ])('%j says what is wrong, and no more', async (words, stderr) => {
    expect(await runCli(words)).toEqual({ status: 1, stdout: '', stderr })
  })

  // The answer to "chek" stood above thirty lines of help.
  it('asks back where a command is nearly right, and helps where it is not', async () => {
    const near = 'weir: there is no command "chek"; did you mean "check"? (`weir help` lists them all)\n'
    expect(await runCli(['chek'])).toEqual({ status: 2, stdout: '', stderr: near })
    expect((await runCli(['xyzzy'])).stderr).toMatch(/^weir: there is no command "xyzzy"\n\nUsage: weir COMMAND/)
  })
})
