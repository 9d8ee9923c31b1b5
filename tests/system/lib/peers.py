# SPDX-License-Identifier: Apache-2.0
"""The programs nobody here wrote: Samba's nmbd as a client, its command line tools, nbtscan."""

import re
import shutil
import signal
import socket

from . import lab

SAMBA_DIRECTORIES = ('private', 'state', 'cache', 'lock', 'pid', 'ncalrpc')
QUIET = signal.SIGKILL


def samba_options(folder):
    options = {f'{d} directory' if d != 'ncalrpc' else 'ncalrpc dir': folder / d
               for d in SAMBA_DIRECTORIES}
    for path in options.values():
        path.mkdir(parents=True, exist_ok=True)
    options['nmbd:socket dir'] = folder / 'nmbdsock'
    options['log file'] = folder / 'log.samba'
    return options


def write_smb_conf(folder, options, shares=''):
    folder.mkdir(parents=True, exist_ok=True)
    options = {**samba_options(folder), **options}
    path = folder / 'smb.conf'
    path.write_text('[global]\n' + ''.join(f'\t{k} = {v}\n' for k, v in options.items()) + shares)
    return path


class Nmbd:
    """nmbd as a client of the server: registers NAME<00> <03> <20>, WORKGROUP<00> <1e>; as classic
    primary domain controller also WORKGROUP<1b> <1c>; releases all on TERM."""

    def __init__(self, host, name, wins, workgroup='OFFICE', pdc=False):
        self.host, self.name, self.workgroup = host, name, workgroup
        self.conf = write_smb_conf(host.path(name.lower()), {
            'netbios name': name,
            'workgroup': workgroup,
            'wins server': wins,
            'wins support': 'no',
            'name resolve order': 'wins',
            'server role': 'classic primary domain controller' if pdc else 'standalone server',
            'domain logons': 'yes' if pdc else 'no',
            'interfaces': ' '.join(f'{a}/24' for a in host.addresses),
            'bind interfaces only': 'yes',
            'local master': 'no',
            'domain master': 'yes' if pdc else 'no',
            'preferred master': 'no',
            'log level': '3',
        })
        self.process = None

    def start(self):
        self.process = self.host.start('nmbd', '-F', '--no-process-group', '--debug-stdout', '-s',
                                       self.conf, log=self.host.path(f'{self.name}-nmbd.log'))
        return self

    def end(self):
        """TERM: it releases its names before it goes."""
        return self.process.end(signal.SIGTERM)

    def die(self):
        """Without a word."""
        self.process.end(QUIET)

    def output(self):
        return self.process.output()

    @property
    def unique_names(self):
        return [(self.name, 0x00), (self.name, 0x03), (self.name, 0x20)]

    @property
    def group_names(self):
        return [(self.workgroup, 0x00), (self.workgroup, 0x1E)]


class SambaAd:
    """Samba's AD services nbt and wrepl alone: a WINS server with replication on TCP 42, which asks its
    partners each second or so, and makes a released name a tombstone after a few. A domain is
    provisioned once a run; each instance takes a copy of that."""

    REALM, DOMAIN, NAME = 'lab.example', 'LAB', 'SAMBAAD'
    provisioned = None

    def __init__(self, host, partners=(), pull_interval=2):
        self.host, self.address = host, host.addresses[0]
        self.folder = host.path('samba')
        self.partners, self.pull_interval = list(partners), pull_interval
        self.process = None
        self._provision()

    def _options(self):
        folder = self.folder
        return {
            'netbios name': self.NAME, 'workgroup': self.DOMAIN, 'realm': self.REALM,
            'server role': 'active directory domain controller', 'server services': 'nbt, wrepl',
            'interfaces': f'{self.address}/24', 'bind interfaces only': 'yes',
            'wreplsrv:tombstone_interval': '3', 'wreplsrv:scavenging_interval': '1',
            'wins support': 'yes', 'dns proxy': 'no', 'wreplsrv:periodic_interval': '1', 'winsdb:nosync': 'true',
            'ldb:nosync': 'true', 'dns update command': '/bin/true',
            'spn update command': '/bin/true', 'log level': '3',
            'binddns dir': folder / 'binddns', 'winbindd socket directory': folder / 'winbindd',
            'ntp signd socket directory': folder / 'ntp', 'include system krb5 conf': 'no',
        }

    def _provision(self):
        sysvol = self.folder / 'state' / 'sysvol'
        self.conf = write_smb_conf(self.folder, self._options(),
                                   f'[netlogon]\n\tpath = {sysvol}\n[sysvol]\n\tpath = {sysvol}\n')
        text = self.conf.read_text()
        if SambaAd.provisioned:
            shutil.copytree(SambaAd.provisioned, self.folder, dirs_exist_ok=True)
        else:
            (self.folder / 'binddns').mkdir(exist_ok=True)
            self._done('samba-tool', 'domain', 'provision', f'--configfile={self.conf}', '--quiet',
                       f'--realm={self.REALM}', f'--domain={self.DOMAIN}', '-d1',
                       f'--host-name={self.NAME}', f'--host-ip={self.address}', '--server-role=dc',
                       '--dns-backend=NONE', '--use-rfc2307', '--adminpass=L4b!passw0rd',
                       '--krbtgtpass=Krb7gt!pass')
            SambaAd.provisioned = self.folder.with_name('provisioned')
            shutil.copytree(self.folder, SambaAd.provisioned)
        self.conf.write_text(text)  # provision rewrites it
        ldif = self.folder / 'partners.ldif'
        ldif.write_text('\n'.join(
            f'dn: name=P{i},CN=PARTNERS\nobjectClass: wreplPartner\nname: P{i}\naddress: {address}\n'
            f'pullInterval: {self.pull_interval}\npullRetryInterval: 1\npushChangeCount: 1\ntype: 0x3\n'
            for i, address in enumerate(self.partners)))
        self._done('ldbadd', '-H', self.folder / 'private/wins_config.ldb', ldif)

    def _done(self, *command):
        done = self.host.run(*command, timeout=600)
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)

    def start(self):
        self.process = self.host.start('samba', '-i', '-M', 'single', '--debug-stdout', '-s',
                                       self.conf, log=self.host.path('samba.log'))
        return self

    def die(self):
        """samba in one process is slow to act on TERM."""
        self.process.end(QUIET)


class Smbd:
    """Samba's file server without a share: a machine that tells its time in SMB2 NEGOTIATE."""

    def __init__(self, host):
        self.host = host
        self.conf = write_smb_conf(host.path('smbd'), {
            'netbios name': 'FILES', 'workgroup': 'OFFICE', 'server role': 'standalone server',
            'interfaces': f'{host.addresses[0]}/24', 'bind interfaces only': 'yes',
            'smb ports': '445', 'map to guest': 'never', 'load printers': 'no',
        })

    def start(self):
        process = self.host.start('smbd', '-F', '--no-process-group', '--debug-stdout', '-s', self.conf)
        lab.wait_until(self._listens, lab.PATIENCE, 'smbd to listen: ' + process.output()[-2000:])
        return self

    def _listens(self):
        with self.host.socket(socket.SOCK_STREAM) as sock:
            return sock.connect_ex((self.host.addresses[0], 445)) == 0


def nmblookup(host, server, name, suffix):
    """Addresses, [] when the server says no."""
    done = host.run('nmblookup', '-s', '/dev/null', '-U', server, '--recursion',
                    f'{name}#{suffix:02x}')
    return re.findall(rf'^(\S+) {re.escape(name)}<{suffix:02x}>$', done.stdout, re.M)


def net_lookup(host, conf, name, suffix):
    """Through the resolver of Samba's client library, asking WINS alone."""
    done = host.run('net', '-s', conf, 'lookup', 'host', f'{name}#{suffix:02x}')
    return done.stdout.split() if done.returncode == 0 else []


def nbtscan_names(host, address):
    """(name, suffix, unique?) of each name in the node status of the address. It waits for a second
    and asks once, so it is called until something comes."""
    def scan():
        done = host.run('nbtscan', '-v', '-s', '|', address)
        return re.findall(r'^\S+?\|(.{15})\|([0-9a-f]{2})([UG])$', done.stdout, re.M)

    found = lab.wait_until(scan, 10, f'the node status of {address}')
    return [(name.rstrip(), int(suffix, 16), kind == 'U') for name, suffix, kind in found]


def smbtorture(host, folder, addresses, target, test):
    """Runs one of Samba's protocol tests; returns its whole output."""
    args = ['smbtorture', '-s', '/dev/null', '-U%',
            '--option=interfaces=' + ' '.join(f'{a}/24' for a in addresses),
            '--option=torture:progress=no', f'--basedir={folder}']
    args += [f'--option={k}={v}' for k, v in samba_options(folder).items()]
    process = host.start(*args, f'//{target}/_none_', test, log=folder / 'smbtorture.log')
    status = lab.wait_until(lambda: not process.running, 400, 'smbtorture') and process.popen.wait()
    return status, process.output()
