// Units as distributions and projects have them, in which the doctor finds no fault. Programs that need not be installed
// here are /bin/true.

const NODE = 'Type=notify\nExecStart=/usr/bin/node /opt/app/server.mjs';

/** Files by their names, of which the first is the service. */
export const HEALTHY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'nginx, Type=forking': {
    'nginx.service': `[Unit]
Description=A high performance web server
After=network-online.target remote-fs.target nss-lookup.target
Wants=network-online.target
[Service]
Type=forking
PIDFile=/run/nginx.pid
ExecStartPre=/bin/true -t -q
ExecStart=/bin/true -g "daemon on; master_process on;"
ExecReload=/bin/true -s reload
ExecStop=-/bin/true --quiet --stop --retry QUIT/5
TimeoutStopSec=5
KillMode=mixed
[Install]
WantedBy=multi-user.target
`,
  },
  'ssh, Accept=yes': {
    'ssh@.service': `[Unit]
After=auditd.service
[Service]
EnvironmentFile=-/etc/default/ssh
ExecStart=-/bin/true -i $SSHD_OPTS
StandardInput=socket
RuntimeDirectory=sshd
`,
    'ssh.socket': `[Unit]
ConditionPathExists=!/etc/ssh/sshd_not_to_be_run
[Socket]
ListenStream=22
Accept=yes
`,
  },
  'cron, without Type=': {
    'cron.service': `[Unit]
After=remote-fs.target nss-user-lookup.target
[Service]
EnvironmentFile=-/etc/default/cron
ExecStart=/bin/true -f $EXTRA_OPTS
IgnoreSIGPIPE=false
KillMode=process
Restart=on-failure
`,
  },
  'redis, Type=notify and hardened': {
    'redis-server.service': `[Unit]
After=network.target
[Service]
Type=notify
ExecStart=/bin/true /etc/redis/redis.conf --supervised systemd --daemonize no
TimeoutStopSec=infinity
Restart=always
User=daemon
Group=daemon
RuntimeDirectory=redis
RuntimeDirectoryMode=2755
UMask=007
PrivateTmp=true
LimitNOFILE=65535
PrivateDevices=true
ProtectHome=true
ProtectSystem=strict
ReadWritePaths=-/var/lib/redis
CapabilityBoundingSet=
MemoryDenyWriteExecute=true
NoNewPrivileges=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~ @privileged @resources
[Install]
Alias=redis.service
`,
  },
  'docker, with its socket': {
    'docker.service': `[Unit]
After=network-online.target docker.socket
Wants=network-online.target
Requires=docker.socket
[Service]
Type=notify
ExecStart=/bin/true -H fd:// --containerd=/run/containerd/containerd.sock
ExecReload=/bin/kill -s HUP $MAINPID
TimeoutStartSec=0
RestartSec=2
Restart=always
StartLimitBurst=3
StartLimitInterval=60s
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
Delegate=yes
KillMode=process
OOMScoreAdjust=-500
`,
    'docker.socket': `[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=root
`,
  },
  'rpcbind, one port of many kinds': {
    'rpcbind.service': `[Unit]
Requires=rpcbind.socket
[Service]
Type=notify
ExecStart=/bin/true -f -w
`,
    'rpcbind.socket': `[Socket]
ListenStream=/run/rpcbind.sock
ListenStream=0.0.0.0:111
ListenDatagram=0.0.0.0:111
ListenStream=[::]:111
ListenDatagram=[::]:111
BindIPv6Only=ipv6-only
`,
  },
  'a job of two commands': {
    'backup.service': `[Unit]
ConditionACPower=true
[Service]
Type=oneshot
ExecStart=/usr/bin/node -e 0
ExecStart=/bin/true
PrivateNetwork=yes
Nice=19
IOSchedulingClass=idle
`,
  },
  'getty, a template on a terminal': {
    'console@.service': `[Unit]
After=systemd-user-sessions.service
[Service]
Type=idle
ExecStart=-/bin/true --noclear - $TERM %I
Restart=always
StandardInput=tty
StandardOutput=tty
TTYPath=/dev/%I
TTYReset=yes
KillMode=process
SendSIGHUP=yes
KillSignal=SIGRTMIN+4
`,
  },
  'Node, whose state is its folder': {
    'state.service': `[Service]
${NODE}
StateDirectory=state/a
WorkingDirectory=/var/lib/state/a
User=daemon
PrivateNetwork=no
SystemCallFilter=@system-service @pkey @resources
LimitNOFILE=65536
EnvironmentFile=-/etc/no-such.env
`,
  },
  'Node by env(1), for HTTP and HTTPS': {
    'web.service': `[Unit]
Requires=web-http.socket web-https.socket
[Service]
Type=notify
ExecStart=/usr/bin/env NODE_ENV=production node --import libsystemd/auto /opt/app/server.mjs
Restart=on-failure
`,
    'web-http.socket': `[Socket]
ListenStream=80
ListenStream=/run/web.sock
Service=web.service
`,
    'web-https.socket': `[Socket]
ListenStream=443
Service=web.service
`,
  },
};
