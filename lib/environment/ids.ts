// The 128-bit ids of systemd: of this start of the unit, of the boot, and of the machine.
import { systemError } from '../base/errors.ts';
import { crypto, fs } from '../base/lazy-builtins.ts';
import { invalidType, invalidValue } from '../base/validate.ts';
import { variable } from './variables.ts';

const EUCLEAN = -117;
const MACHINE_ID = '/etc/machine-id';
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The two ways to write an id, as sd_id128_from_string(3) reads them: 32 hexadecimal digits, and a UUID. */
const PLAIN = /^[\da-f]{32}$/i;
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

/** 32 hexadecimal digits for an id; undefined for another text, and for the id of zeros, which means none. */
function parseId(text: string): string | undefined {
  if (!PLAIN.test(text) && !UUID.test(text)) return undefined;
  const id = text.replaceAll('-', '').toLowerCase();
  return /^0+$/.test(id) ? undefined : id;
}

/** An id that tells nothing about `id`: sd_id128_get_app_specific() of libsystemd. */
function appSpecific(id: string, app: string): string {
  const key = Buffer.from(id, 'hex');
  const digest = crypto().createHmac('sha256', key).update(Buffer.from(app, 'hex')).digest();
  // A UUID of version 4 and of the variant of RFC 9562, as all ids of systemd.
  digest[6] = ((digest[6] as number) & 0x0f) | 0x40;
  digest[8] = ((digest[8] as number) & 0x3f) | 0x80;
  return digest.toString('hex', 0, 16);
}

function validateApp(app: unknown): string {
  if (typeof app !== 'string') throw invalidType('app', 'of type string', app);
  const id = parseId(app);
  if (id !== undefined) return id;
  throw invalidValue('app', 'an id of your program, made once by `systemd-id128 new`', app);
}

/** The text of a file; undefined when there is no such file. */
function readIfThere(file: string): string | undefined {
  try {
    return fs().readFileSync(file, 'latin1');
  } catch (error) {
    const { code, errno, syscall } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (errno === undefined || syscall === undefined) throw error; // Node's permission model forbids it
    throw systemError(errno, syscall, { path: file });
  }
}

/**
 * Returns the id of this start of the unit. It is new at each start, and stays over a reload. The journal has it as
 * _SYSTEMD_INVOCATION_ID=, so it finds the entries of this start alone:
 * `journalctl _SYSTEMD_INVOCATION_ID=…`.
 *
 * @returns 32 hexadecimal digits; undefined when systemd has not started the process or an ancestor of it
 * @see systemd.exec(5), INVOCATION_ID of systemd 232; sd_id128_get_invocation(3)
 */
export function invocationId(): string | undefined {
  return parseId(variable('INVOCATION_ID') ?? '');
}

/**
 * Returns the id of this boot of the machine: the kernel makes it anew at each boot. All containers of a machine share
 * it.
 *
 * @returns 32 hexadecimal digits; undefined on another system than Linux
 * @throws SystemdError when the file can't be read
 * @see sd_id128_get_boot(3); random(4), boot_id
 */
export function bootId(): string | undefined {
  return parseId(readIfThere(BOOT_ID)?.trimEnd() ?? '');
}

/**
 * Returns an id of this machine for one program. It is always the same, and differs from that of every other
 * program, so it tells nobody the machine's own id, which machine-id(5) asks to keep secret.
 *
 * @param app - an id of the program, a constant in its source: 32 hexadecimal digits or a UUID, made once by
 * `systemd-id128 new`
 * @returns 32 hexadecimal digits, byte for byte those of `systemd-id128 machine-id --app-specific=APP`; undefined where
 * the machine has no id: on other systems, in most containers, and in the first seconds of its first boot
 * @throws SystemdError EUCLEAN when /etc/machine-id holds something else than an id; another code when it can't be read
 * @throws TypeError ERR_INVALID_ARG_TYPE, ERR_INVALID_ARG_VALUE when `app` is no id
 * @see sd_id128_get_machine_app_specific(3) of systemd 233; machine-id(5)
 */
export function machineId(app: string): string | undefined {
  const appId = validateApp(app);
  const text = readIfThere(MACHINE_ID)?.replace(/\n$/, '') ?? '';
  if (text === '' || text === 'uninitialized' || /^0{32}$/.test(text)) return undefined;
  const id = PLAIN.test(text) ? parseId(text) : undefined;
  if (id !== undefined) return appSpecific(id, appId);
  const detail = 'which should hold 32 hexadecimal digits: see systemd-machine-id-setup(1)';
  throw systemError(EUCLEAN, 'sd_id128_get_machine', { path: MACHINE_ID }, detail);
}
