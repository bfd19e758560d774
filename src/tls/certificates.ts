// Writes X.509 certificates: the constrained root and intermediate of the local authority, and its leaves.
// The only file that imports the certificate library, 120 ms of start-up; import it dynamically, when something is issued.
// Promises: EC P-256 throughout; every certificate passes OpenSSL's strict checks; the root's key never leaves memory.

import 'reflect-metadata'
import { KeyObject, randomBytes, webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Extension as RawExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { AuthorityPems } from './authority-files.ts'
import { nameConstraints } from './constraints.ts'

/** A span of validity. */
export interface Validity {
  readonly notBefore: Date
  readonly notAfter: Date
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const
const NAME_CONSTRAINTS = '2.5.29.30'
const CA_USAGES = KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign

/**
 * A new authority for these hosts: a root for clients to trust, and the intermediate that will sign leaves. Both carry
 * the constraints, since some verifiers (Java's) read them on the intermediate only: RFC 5280 §6.1 does not ask them
 * to process a trust anchor's extensions. The root's key is not extractable and dies here, so nobody can ever use the
 * trust in the root for another intermediate.
 */
export async function issueAuthority(hosts: readonly string[], validity: Validity): Promise<AuthorityPems> {
  const tag = randomBytes(4).toString('hex')
  const rootName = `CN=weir root ${tag}, O=weir`
  const rootKeys = await webcrypto.subtle.generateKey(P256, false, ['sign', 'verify'])
  const keys = await webcrypto.subtle.generateKey(P256, true, ['sign', 'verify'])
  const constraints = new RawExtension(NAME_CONSTRAINTS, true, nameConstraints(hosts))
  const signing = { issuer: rootName, signingKey: rootKeys.privateKey, ...validity }
  const root = await write(signing, rootName, rootKeys.publicKey, [
    new BasicConstraintsExtension(true, 1, true),
    new KeyUsagesExtension(CA_USAGES, true),
    constraints,
    await SubjectKeyIdentifierExtension.create(rootKeys.publicKey),
  ])
  const intermediate = await write(signing, `CN=weir authority ${tag}, O=weir`, keys.publicKey, [
    new BasicConstraintsExtension(true, 0, true),
    new KeyUsagesExtension(CA_USAGES, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    constraints,
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
  ])
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString()
  return { key, intermediate, root }
}

/**
 * A leaf for one host over a public key, PEM. It has the issuer's key identifier, which strict verifiers (Python 3.13)
 * require, and none of its own, which SChannel confuses with the issuer's.
 */
export async function issueLeaf(leaf: {
  readonly host: string
  readonly publicKey: KeyObject
  readonly issuer: { readonly certificate: string; readonly key: KeyObject }
  readonly validity: Validity
}): Promise<string> {
  const issuer = new X509Certificate(leaf.issuer.certificate)
  const signing = {
    issuer: issuer.subjectName,
    signingKey: leaf.issuer.key.toCryptoKey(P256, false, ['sign']),
    ...leaf.validity,
  }
  // A common name holds 64 characters at most (RFC 5280 appendix A.1); verifiers read only the alternative name.
  const subject = `CN=${leaf.host.length <= 64 ? leaf.host : 'weir leaf'}`
  return await write(signing, subject, leaf.publicKey.toCryptoKey(P256, true, ['verify']), [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension([{ type: 'dns', value: leaf.host }]),
    await AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
  ])
}

interface Signing extends Validity {
  readonly issuer: string | X509Certificate['subjectName']
  readonly signingKey: webcrypto.CryptoKey
}

async function write(
  signing: Signing,
  subject: string,
  publicKey: webcrypto.CryptoKey,
  extensions: Extension[],
): Promise<string> {
  const certificate = await X509CertificateGenerator.create({
    ...signing,
    subject,
    publicKey,
    extensions,
    serialNumber: serial(),
    signingAlgorithm: SIGNATURE,
  })
  return `${certificate.toString('pem').trim()}\n`
}

/** 126 random bits below a fixed 01: positive and 16 bytes long whatever the chance (RFC 5280 §4.1.2.2: at most 20). */
function serial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes.readUInt8(0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
