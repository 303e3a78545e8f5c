// The scripts that a real manager and the rules run, a line each: a name, the settings of the unit, and the steps
// (script.ts). outcomes.jsonl has what was seen.

const NOTIFY = 'Type=notify';
const RELOAD = 'Type=notify-reload';
const STORE = 'Type=notify FileDescriptorStoreMax=3';

/** The columns of a table whose rows have the same settings. */
function table(settings: string, rows: string): readonly (readonly [string, string, string])[] {
  return rows
    .trim()
    .split('\n')
    .map((row) => {
      const [name = '', script = '', more = ''] = row.split(' | ').map((cell) => cell.trim());
      return [name, `${settings} ${more}`.trim(), script];
    });
}

/** Messages, and how they fall into lines. */
const SPLITTING = table(
  NOTIFY,
  String.raw`
  carriage returns separate | start ; send STATUS=a\rERRNO=5\r\nREADY=1 ; show
  a backslash goes | start ; send STATUS=a\\b\\\\c ; show
  a backslash keeps a line break | start ; send STATUS=a\\\nREADY=1 ; show
  a backslash at the end drops the message | start ; send READY=1\nSTATUS=a\\ ; show
  two backslashes at the end are one | start ; send READY=1\nSTATUS=a\\\\ ; show
  quotes mean nothing | start ; send STATUS="a b' ; show
  blanks stay | start ; send  STATUS=a ; show ; send STATUS= b  ; show
  a flag with a blank | start ; send READY=1  ; show
  a flag with another value | start ; send READY=0 ; show ; send READY=yes ; show
  a flag in small letters | start ; send ready=1 ; show
  the first line of a key counts | start ; send STATUS=a\nSTATUS=b\nERRNO=1\nERRNO=2 ; show
  an empty message | start ; send  ; show
  line breaks alone | start ; send \n\r\n ; show
  a null byte at the end | start ; send READY=1\0 ; show
  two null bytes at the end | start ; send READY=1\0\0 ; show
  a null byte in the middle | start ; send READY=1\0\nSTATUS=a ; show
  4096 bytes | start ; send READY=1\nX=<a*4086> ; show
  4097 bytes | start ; send READY=1\nX=<a*4087> ; show
  unknown lines | start ; send FOO=1\nREADY=1\nbar ; show
`,
);

/** What the values of single assignments mean. */
const VALUES = table(
  NOTIFY,
  String.raw`
  a status of control characters | start ; send STATUS=a\x01\e[1mb\tc ; show
  a status of UTF-8 | start ; send STATUS=\xc3\xbc\xe2\x82\xac ; show
  a status that is no UTF-8 | start ; send STATUS=a ; send STATUS=\xff ; show
  a status of half a character | start ; send STATUS=a ; send STATUS=b\xc3 ; show
  a status with a surrogate | start ; send STATUS=a ; send STATUS=\xed\xa0\x80 ; show
  a status with a noncharacter | start ; send STATUS=a ; send STATUS=\xef\xb7\x90 ; show
  a status with a byte order mark | start ; send STATUS=\xef\xbb\xbfa ; show
  an empty status | start ; send STATUS=a ; send STATUS= ; show
  a status is gone at the next start | start ; send READY=1\nSTATUS=a\nERRNO=5 ; restart ; again ; show
  an errno by name | start ; send ERRNO=ENOKEY ; show
  an errno by number | start ; send ERRNO=13 ; show
  an errno with a blank before it | start ; send ERRNO= 14 ; show
  an errno with a blank after it | start ; send ERRNO=1 ; send ERRNO=14  ; show
  an errno with a sign | start ; send ERRNO=+15 ; show
  a hexadecimal errno | start ; send ERRNO=0x10 ; show
  an octal errno | start ; send ERRNO=017 ; show
  the largest errno | start ; send ERRNO=4095 ; show
  an errno that is too large | start ; send ERRNO=1 ; send ERRNO=4096 ; show
  a negative errno | start ; send ERRNO=1 ; send ERRNO=-2 ; show
  errno 0 | start ; send ERRNO=1 ; send ERRNO=0 ; show
  an unknown name of an errno | start ; send ERRNO=1 ; send ERRNO=enoent ; show
  errno 41, which has no name | start ; send ERRNO=41 ; show
  an empty errno | start ; send ERRNO=1 ; send ERRNO= ; show
`,
);

/** READY=1, RELOADING=1, STOPPING=1, in one message and in several. */
const STATES = table(
  NOTIFY,
  String.raw`
  ready | start ; show ; send READY=1 ; show
  ready twice | start ; send READY=1 ; send READY=1 ; show
  stopping and ready, before the start | start ; send STOPPING=1\nREADY=1 ; show
  stopping and ready, while running | start ; send READY=1 ; send STOPPING=1\nREADY=1 ; show
  ready and stopping, before the start | start ; send READY=1\nSTOPPING=1 ; show
  ready and stopping, while running | start ; send READY=1 ; send READY=1\nSTOPPING=1 ; show
  ready and reloading, before the start | start ; send READY=1\nRELOADING=1 ; show
  ready and reloading, while running | start ; send READY=1 ; send READY=1\nRELOADING=1 ; show
  reloading and ready, before the start | start ; send RELOADING=1\nREADY=1 ; show
  reloading and ready, while running | start ; send READY=1 ; send RELOADING=1\nREADY=1 ; show
  stopping and reloading, while running | start ; send READY=1 ; send STOPPING=1\nRELOADING=1 ; show
  reloading and stopping, while running | start ; send READY=1 ; send RELOADING=1\nSTOPPING=1 ; show
  all three, while running | start ; send READY=1 ; send STOPPING=1\nREADY=1\nRELOADING=1 ; show
  stopping, then ready | start ; send READY=1 ; send STOPPING=1 ; show ; send READY=1 ; show
  stopping before the start, then ready | start ; send STOPPING=1 ; show ; send READY=1 ; show
  reloading before the start, then ready | start ; send RELOADING=1 ; show ; send READY=1 ; show
  reloading, then ready | start ; send READY=1 ; send RELOADING=1 ; show ; send READY=1 ; show
  reloading, then stopping | start ; send READY=1 ; send RELOADING=1 ; send STOPPING=1 ; show
  reloading twice | start ; send READY=1 ; send RELOADING=1 ; send RELOADING=1 ; show ; send READY=1 ; show
  reloading, then the exit | start ; send READY=1 ; send RELOADING=1 ; exit 0 ; rest
  reloading, then a failure | start ; send READY=1 ; send RELOADING=1 ; exit 3 ; rest
  stopping, then the exit | start ; send READY=1 ; send STOPPING=1 ; exit 0 ; rest
  stopping, then a failure | start ; send READY=1 ; send STOPPING=1 ; exit 3 ; rest
  stopping, and no exit | start ; trap SIGTERM 0 ; send READY=1 ; send STOPPING=1 ; rest | TimeoutStopSec=400ms
  stopping, and a stop meanwhile | start ; trap SIGTERM 7 ; send READY=1 ; send STOPPING=1 ; show ; stop ; show ; exit 0 ; rest
  a reload that takes too long | start ; send READY=1 ; send RELOADING=1 ; sleep 7.5 ; show | TimeoutStartSec=6
  stopping obeys Restart= | start ; again ; send READY=1 ; send STOPPING=1 ; exit 0 ; again ; show | Restart=always
  exit before ready | start ; exit 0 ; rest
  a failure before ready | start ; exit 4 ; rest
  killed before ready | start ; kill SIGKILL ; rest
  exit before ready, with RemainAfterExit= | start ; exit 0 ; rest | RemainAfterExit=yes
  no ready in time | start ; rest | TimeoutStartSec=300ms
  no ready in time, and no end by SIGTERM | start ; trap SIGTERM ignore ; rest | TimeoutStartSec=4 TimeoutStopSec=300ms
  no ready in time, to be aborted | start ; rest | TimeoutStartSec=300ms TimeoutStartFailureMode=abort
  no ready in time, to be killed | start ; trap SIGTERM 0 ; rest | TimeoutStartSec=4 TimeoutStartFailureMode=kill
  ready of a simple service | start ; send READY=1\nSTATUS=a ; show | Type=simple NotifyAccess=main
  stopping of a simple service | start ; send STOPPING=1 ; show | Type=simple NotifyAccess=main
  reloading of a simple service | start ; send RELOADING=1 ; show ; send READY=1 ; show | Type=simple NotifyAccess=main
  messages while it stops | start ; send READY=1 ; trap SIGTERM ignore ; stop ; until stop-sigterm ; send STATUS=late\nERRNO=9\nREADY=1 ; show
`,
);

/** Who may send. */
const ACCESS = table(
  NOTIFY,
  String.raw`
  a child, main | start ; fork ; child.send READY=1\nSTATUS=child ; show | NotifyAccess=main
  a child, exec | start ; fork ; child.send READY=1\nSTATUS=child ; show | NotifyAccess=exec
  a child, all | start ; fork ; child.send READY=1\nSTATUS=child ; show | NotifyAccess=all
  a child whose parent is gone, all | start ; fork ; child.send READY=1\nMAINPID={child} ; exit 0 ; child.send STATUS=child ; show | NotifyAccess=all
  none becomes main for notify | start ; send READY=1 ; show ; env | NotifyAccess=none
  none, and no reason to send | start ; show ; env | Type=simple
  none becomes main for a watchdog | start ; send STATUS=a ; show ; env | Type=simple WatchdogSec=60
  none becomes main for an fd store | start ; send STATUS=a ; show ; env | Type=simple FileDescriptorStoreMax=1
  a command, main | start ; pre.env ; pre.send STATUS=pre ; show ; pre.exit 0 ; env | NotifyAccess=main ExecStartPre=pre
  a command, exec | start ; pre.env ; pre.send STATUS=pre ; show ; pre.exit 0 ; env | NotifyAccess=exec ExecStartPre=pre
  a command, all | start ; pre.env ; pre.send STATUS=pre ; show ; pre.exit 0 ; env | NotifyAccess=all ExecStartPre=pre
  ready of a command counts only in the start | start ; pre.send READY=1 ; show ; pre.exit 0 ; again ; show | NotifyAccess=all ExecStartPre=pre
  access is given | start ; fork ; send NOTIFYACCESS=all ; child.send STATUS=child ; show
  access is taken | start ; fork ; child.send NOTIFYACCESS=main ; child.send STATUS=child ; send STATUS=main ; show | NotifyAccess=all
  access is taken from all | start ; send NOTIFYACCESS=none ; send STATUS=main ; show
  access of another word | start ; fork ; send NOTIFYACCESS=all ; send NOTIFYACCESS=some ; child.send STATUS=child ; show
  access given lasts until the next start | start ; again ; send READY=1\nNOTIFYACCESS=all ; restart ; again ; fork ; child.send STATUS=child ; show
`,
);

/** MAINPID= */
const MAIN_PID = table(
  `${NOTIFY} NotifyAccess=all`,
  String.raw`
  a child becomes main | start ; fork ; send MAINPID={child}\nREADY=1 ; show
  the former main may exit | start ; fork ; send MAINPID={child}\nREADY=1 ; exit 3 ; show ; child.exit 0 ; rest
  a new main and a stop | start ; fork ; send MAINPID={child}\nREADY=1 ; stop ; rest
  main is named again | start ; send READY=1\nMAINPID={main} ; show
  no process | start ; send READY=1\nMAINPID=0 ; show
  the manager | start ; send READY=1\nMAINPID=1 ; show
  no such process | start ; send READY=1\nMAINPID=2000000000 ; show
  no number | start ; send READY=1\nMAINPID=x ; show
  a pid with a blank before it | start ; fork ; send READY=1\nMAINPID= {child} ; show
  a command | start ; send READY=1 ; send MAINPID={post} ; show ; post.exit 0 ; until running | ExecStartPost=post
  only main, then the former main sends | start ; fork ; send MAINPID={child}\nREADY=1 ; send STATUS=former ; child.send STATUS=new ; show | NotifyAccess=main
  while it stops | start ; fork ; send READY=1 ; trap SIGTERM ignore ; child.trap SIGTERM ignore ; stop ; until stop-sigterm ; send MAINPID={child} ; show
  a pidfd | start ; fork ; child.send MAINPIDFD=1 + self ; show
  a pidfd and a pid | start ; fork ; child.send MAINPIDFD=1\nMAINPID={main} + self ; show
  a pidfd that is none | start ; send MAINPIDFD=1 + file ; show
  two pidfds | start ; fork ; child.send MAINPIDFD=1 + self self ; show
  no pidfd | start ; fork ; child.send MAINPIDFD=1\nMAINPID={child} ; show
  a wrong id | start ; fork ; child.send MAINPID={child}\nMAINPIDFDID=1 ; show
`,
);

/** The watchdog, and EXTEND_TIMEOUT_USEC=. Times that must not run out are long, because machines are slow. */
const TIMES = table(
  NOTIFY,
  String.raw`
  no sign of life | start ; send READY=1 ; rest | WatchdogSec=400ms
  no sign of life, and no end by SIGABRT | start ; trap SIGABRT ignore ; send READY=1 ; rest | WatchdogSec=400ms TimeoutAbortSec=300ms
  no sign of life, another signal | start ; trap SIGUSR1 0 ; send READY=1 ; rest | WatchdogSec=400ms WatchdogSignal=SIGUSR1
  a sign of life before ready arms it | start ; send WATCHDOG=1 ; rest | WatchdogSec=400ms
  without ready it is not armed | start ; sleep 0.8 ; show | WatchdogSec=300ms
  trigger | start ; send READY=1\nSTATUS=a ; send WATCHDOG=trigger ; rest | WatchdogSec=60
  trigger without a watchdog | start ; send READY=1 ; send WATCHDOG=trigger ; rest
  trigger before ready | start ; send WATCHDOG=trigger ; rest
  another value | start ; send READY=1 ; send WATCHDOG=2 ; show | WatchdogSec=60
  a shorter timeout | start ; send READY=1 ; send WATCHDOG_USEC=300000 ; rest | WatchdogSec=60
  a timeout without WatchdogSec= | start ; send READY=1 ; send WATCHDOG_USEC=300000 ; rest
  a timeout before ready | start ; send WATCHDOG_USEC=300000 ; rest
  a timeout of 0 | start ; send READY=1\nWATCHDOG_USEC=0 ; sleep 1 ; show | WatchdogSec=500ms
  a timeout of no number | start ; send READY=1 ; send WATCHDOG_USEC=300000  ; send WATCHDOG_USEC=-1 ; sleep 0.8 ; show | WatchdogSec=60
  a hexadecimal timeout | start ; send READY=1 ; send WATCHDOG_USEC=0x493e0 ; rest | WatchdogSec=60
  a timeout is forgotten at the next start | start ; again ; send READY=1\nWATCHDOG_USEC=60000000 ; restart ; again ; send READY=1 ; rest | WatchdogSec=400ms
  its variables | start ; env | WatchdogSec=90s
  its restart | start ; again ; send READY=1 ; again ; show | WatchdogSec=400ms Restart=on-watchdog
  a timeout while it stops | start ; trap SIGTERM ignore ; trap SIGABRT 0 ; send READY=1 ; show ; stop ; until stop-sigterm ; send WATCHDOG_USEC=300000 ; rest | WatchdogSec=60
  no sign of life while it stops | start ; trap SIGTERM ignore ; send READY=1\nWATCHDOG_USEC=9000000 ; show ; stop ; until stop-sigterm ; sleep 9.5 ; show
  a start is extended | start ; send EXTEND_TIMEOUT_USEC=60000000 ; sleep 7 ; show | TimeoutStartSec=6
  a start is extended, never shortened | start ; send EXTEND_TIMEOUT_USEC=1 ; sleep 0.5 ; show
  a start is extended by too little | start ; send EXTEND_TIMEOUT_USEC=900000 ; rest | TimeoutStartSec=700ms
  a start is extended by no number | start ; send EXTEND_TIMEOUT_USEC=60000000  ; rest | TimeoutStartSec=1
  a watchdog is extended | start ; send READY=1\nEXTEND_TIMEOUT_USEC=60000000 ; sleep 2.5 ; show | WatchdogSec=2
  a sign of life ends an extension | start ; send READY=1\nEXTEND_TIMEOUT_USEC=60000000 ; send WATCHDOG=1 ; rest | WatchdogSec=400ms
  a stop is extended | start ; send READY=1 ; trap SIGTERM ignore ; stop ; until stop-sigterm ; send EXTEND_TIMEOUT_USEC=60000000 ; sleep 7 ; show | TimeoutStopSec=6
  a reload is extended | start ; send READY=1 ; send RELOADING=1\nEXTEND_TIMEOUT_USEC=60000000 ; sleep 7 ; show | TimeoutStartSec=6
  the run time is limited | start ; send READY=1 ; rest | RuntimeMaxSec=400ms
  the run time is extended | start ; send READY=1\nEXTEND_TIMEOUT_USEC=60000000 ; sleep 1.5 ; show | RuntimeMaxSec=1
`,
);

/** The ends of processes, and what comes after. */
const EXITS = table(
  'Type=exec',
  `
  exit 0 | start ; again ; exit 0 ; rest
  exit 1 | start ; again ; exit 1 ; rest
  exit 143 | start ; again ; exit 143 ; rest
  SIGTERM | start ; again ; kill SIGTERM ; rest
  SIGHUP | start ; again ; kill SIGHUP ; rest
  SIGINT | start ; again ; kill SIGINT ; rest
  SIGPIPE | start ; again ; kill SIGPIPE ; rest
  SIGUSR1 | start ; again ; kill SIGUSR1 ; rest
  SIGKILL | start ; again ; kill SIGKILL ; rest
  SIGABRT | start ; again ; kill SIGABRT ; rest
  SIGSEGV | start ; again ; kill SIGSEGV ; rest
  SuccessExitStatus= of a code | start ; again ; exit 7 ; rest | SuccessExitStatus=7
  SuccessExitStatus= of a signal | start ; again ; kill SIGUSR1 ; rest | SuccessExitStatus=SIGUSR1
  a failure that is ignored | start ; again ; exit 7 ; rest | ExecStart=-main
  RemainAfterExit= | start ; again ; exit 0 ; rest ; stop ; rest | RemainAfterExit=yes
  RemainAfterExit= and a failure | start ; again ; exit 1 ; rest | RemainAfterExit=yes
  a stop and exit 143 | start ; again ; trap SIGTERM 143 ; stop ; rest
  a stop and exit 0 | start ; again ; trap SIGTERM 0 ; stop ; rest
  a stop and no exit | start ; again ; trap SIGTERM ignore ; stop ; rest | TimeoutStopSec=300ms
  a stop and no exit, to be aborted | start ; again ; trap SIGTERM ignore ; stop ; rest | TimeoutStopSec=300ms TimeoutStopFailureMode=abort
  a stop and no exit, never killed | start ; again ; trap SIGTERM ignore ; stop ; rest | TimeoutStopSec=300ms SendSIGKILL=no
  KillSignal= | start ; again ; trap SIGUSR1 0 ; stop ; rest | KillSignal=SIGUSR1
  KillSignal= is no clean end | start ; again ; stop ; rest | KillSignal=SIGUSR1
  SendSIGHUP= | start ; again ; trap SIGTERM ignore ; trap SIGHUP 9 ; stop ; rest | SendSIGHUP=yes
  RestartKillSignal= | start ; again ; trap SIGTERM 9 ; trap SIGUSR1 0 ; restart ; again ; show | RestartKillSignal=SIGUSR1
  a program that does not exist | start ; rest | ExecStart=missing
  a oneshot service | start ; exit 0 ; rest | Type=oneshot
  a oneshot service that fails | start ; exit 2 ; rest | Type=oneshot
  a oneshot service that is killed | start ; kill SIGTERM ; rest | Type=oneshot
  a oneshot service that remains | start ; exit 0 ; rest | Type=oneshot RemainAfterExit=yes
  a simple service without a program | start ; rest | Type=simple ExecStart=missing
  a child is left, control-group | start ; again ; fork ; child.trap SIGTERM ignore ; exit 0 ; until stop-sigterm ; rest | TimeoutStopSec=3
  a child is left, process | start ; again ; fork ; child.trap SIGTERM ignore ; exit 0 ; rest | KillMode=process
  a child is left, mixed | start ; again ; fork ; child.trap SIGTERM ignore ; exit 0 ; rest | KillMode=mixed
  a child is left, none | start ; again ; fork ; exit 0 ; rest | KillMode=none
  a stop, mixed | start ; again ; fork ; child.trap SIGTERM 9 ; stop ; rest | KillMode=mixed
  a stop, none | start ; again ; stop ; rest | KillMode=none
`,
);

/** Restart=, its delay and its limit. */
const RESTARTS = [
  ...['no', 'on-success', 'on-failure', 'on-abnormal', 'on-watchdog', 'on-abort', 'always'].flatMap(
    (restart) =>
      table(
        `Type=exec RestartSec=60 Restart=${restart}`,
        `${restart}, exit 0 | start ; again ; exit 0 ; rest
         ${restart}, exit 1 | start ; again ; exit 1 ; rest
         ${restart}, SIGKILL | start ; again ; kill SIGKILL ; rest
         ${restart}, SIGTERM | start ; again ; kill SIGTERM ; rest`,
      ),
  ),
  ...table(
    'Type=exec Restart=always',
    String.raw`
  restarts are counted | start ; again ; exit 0 ; again ; exit 1 ; again ; show
  a stop ends the restarts | start ; again ; exit 1 ; rest ; stop ; rest | RestartSec=60
  a start while it waits | start ; again ; exit 1 ; rest ; start ; sleep 1.5 ; show | RestartSec=60
  a restart while it waits | start ; again ; exit 1 ; rest ; restart ; again ; show | RestartSec=60
  a stop is no reason to restart | start ; again ; stop ; rest
  a restart by hand counts from 0 | start ; again ; exit 1 ; again ; show ; restart ; again ; show
  a stop and a start count from 0 | start ; again ; exit 1 ; again ; stop ; rest ; start ; again ; show
  too often | start ; again ; exit 0 ; again ; exit 0 ; until failed | StartLimitBurst=2 StartLimitIntervalSec=60
  too often with a failure | start ; again ; exit 1 ; again ; exit 1 ; until failed | StartLimitBurst=2 StartLimitIntervalSec=60
  too often by hand | start ; again ; stop ; rest ; start ; rest | StartLimitBurst=1 StartLimitIntervalSec=60
  RestartPreventExitStatus= of a code | start ; again ; exit 6 ; rest | RestartPreventExitStatus=6
  RestartPreventExitStatus= of a signal | start ; again ; kill SIGUSR2 ; rest | RestartPreventExitStatus=SIGUSR2
  RestartForceExitStatus= | start ; again ; exit 6 ; again ; show | Restart=no RestartForceExitStatus=6
  a failed start | start ; again ; exit 1 ; again ; show | Type=notify
  a failed command before the start | start ; pre.exit 1 ; rest | ExecStartPre=pre RestartSec=60
  RESTART_RESET=1 | start ; again ; exit 1 ; again ; send READY=1\nRESTART_RESET=1 ; show | Type=notify
  RESTART_RESET=1 before ready | start ; again ; exit 1 ; again ; send RESTART_RESET=1 ; show | Type=notify
`,
  ),
];

/** Commands before and after the main process. */
const COMMANDS = table(
  'Type=exec',
  `
  ExecStartPre= | start ; show ; pre.env ; pre.exit 0 ; again ; show | ExecStartPre=pre
  ExecStartPre= fails | start ; pre.exit 5 ; rest | ExecStartPre=pre
  ExecStartPre= fails, ignored | start ; pre.exit 5 ; again ; show | ExecStartPre=-pre
  ExecStartPre= is killed | start ; pre.kill SIGTERM ; rest | ExecStartPre=pre
  ExecStartPre= takes too long | start ; rest | ExecStartPre=pre TimeoutStartSec=300ms
  ExecStartPre= twice | start ; pre.exit 0 ; again ; show | ExecStartPre=true,pre
  ExecStartPre= twice, the first fails | start ; rest | ExecStartPre=false,pre
  ExecStartPre= that does not exist | start ; rest | ExecStartPre=missing
  a stop in ExecStartPre= | start ; pre.trap SIGTERM 0 ; stop ; rest | ExecStartPre=pre
  ExecStartPost= | start ; post.env ; show ; post.exit 0 ; until running | ExecStartPost=post
  ExecStartPost= fails | start ; post.exit 1 ; rest | ExecStartPost=post
  ExecStartPost= takes too long | start ; again ; rest | ExecStartPost=post TimeoutStartSec=4
  main ends in ExecStartPost= | start ; again ; post.env ; exit 0 ; show ; post.exit 0 ; rest | ExecStartPost=post
  main fails in ExecStartPost= | start ; again ; post.env ; exit 3 ; show ; post.exit 0 ; rest | ExecStartPost=post
  STOPPING=1 in ExecStartPost= | start ; again ; post.env ; send STOPPING=1 ; show ; post.exit 0 ; until stop-sigterm | ExecStartPost=post NotifyAccess=all
  ExecStop= | start ; again ; stop ; stop.env ; show ; stop.exit 0 ; rest | ExecStop=stop
  ExecStop= fails | start ; again ; stop ; stop.exit 4 ; rest | ExecStop=stop
  ExecStop= takes too long | start ; again ; stop ; rest | ExecStop=stop TimeoutStopSec=400ms
  ExecStop= after a clean end | start ; again ; exit 0 ; stop.env ; show ; stop.exit 0 ; rest | ExecStop=stop
  ExecStop= not after a failure | start ; again ; exit 1 ; rest | ExecStop=stop
  main ends in ExecStop= | start ; again ; stop ; stop.env ; exit 0 ; show ; stop.exit 0 ; rest | ExecStop=stop
  ExecStopPost= | start ; again ; stop ; stoppost.env ; show ; stoppost.exit 0 ; rest | ExecStopPost=stoppost
  ExecStopPost= after a failure | start ; again ; exit 9 ; stoppost.env ; show ; stoppost.exit 0 ; rest | ExecStopPost=stoppost
  ExecStopPost= after a signal | start ; again ; kill SIGKILL ; stoppost.env ; stoppost.exit 0 ; rest | ExecStopPost=stoppost
  ExecStopPost= fails | start ; again ; exit 0 ; stoppost.exit 9 ; rest | ExecStopPost=stoppost
  ExecStopPost= takes too long | start ; again ; exit 0 ; rest | ExecStopPost=stoppost TimeoutStopSec=400ms
  ExecStopPost= after a start that failed | start ; pre.exit 2 ; stoppost.env ; stoppost.exit 0 ; rest | ExecStartPre=pre ExecStopPost=stoppost
  ExecReload= | start ; again ; reload ; reload.env ; show ; reload.exit 0 ; until running | ExecReload=reload
  ExecReload= fails | start ; again ; reload ; reload.exit 1 ; until running | ExecReload=reload
  ExecReload= takes too long | start ; again ; reload ; reload.env ; until running | ExecReload=reload TimeoutStartSec=4
  main ends in ExecReload= | start ; again ; reload ; reload.env ; exit 0 ; show ; reload.exit 0 ; rest | ExecReload=reload
  a stop in ExecReload= | start ; again ; reload ; reload.trap SIGTERM 0 ; stop ; rest | ExecReload=reload
  RELOADING=1 in ExecReload= | start ; again ; reload ; reload.env ; send RELOADING=1 ; reload.exit 0 ; sleep 0.3 ; show ; send READY=1 ; show | ExecReload=reload NotifyAccess=all
  a oneshot service with all commands | start ; pre.exit 0 ; again ; exit 0 ; post.exit 0 ; stop.exit 0 ; stoppost.exit 0 ; rest | Type=oneshot ExecStartPre=pre ExecStartPost=post ExecStop=stop ExecStopPost=stoppost
`,
);

/** Type=notify-reload, which 252 does not know. */
const RELOADS = table(
  RELOAD,
  String.raw`
  a reload in two messages | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send RELOADING=1\nMONOTONIC_USEC={now} ; show ; send READY=1 ; show
  a reload in one message | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send RELOADING=1\nREADY=1\nMONOTONIC_USEC={now} ; show
  a reload without the time | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send RELOADING=1 ; send READY=1 ; show ; until running | TimeoutStartSec=6
  a reload with an old time | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send RELOADING=1\nMONOTONIC_USEC=1 ; send READY=1 ; show ; until running | TimeoutStartSec=6
  a reload with a time in the future | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send RELOADING=1\nMONOTONIC_USEC=99999999999999 ; show
  a reload with the time in another message | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send MONOTONIC_USEC={now} ; send RELOADING=1 ; show
  a reload with ready alone | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send READY=1 ; show
  a reload that nobody answers | start ; trap SIGHUP handle ; send READY=1 ; show ; reload ; show ; until running | TimeoutStartSec=6
  a reload that is extended | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send EXTEND_TIMEOUT_USEC=60000000 ; sleep 7 ; show | TimeoutStartSec=6
  a reload that ends in a stop | start ; trap SIGHUP handle ; send READY=1 ; reload ; show ; send STOPPING=1 ; show
  a reload that ends the process | start ; trap SIGHUP 0 ; send READY=1 ; reload ; rest
  a reload by another signal | start ; trap SIGUSR1 handle ; send READY=1 ; reload ; show ; send RELOADING=1\nREADY=1\nMONOTONIC_USEC={now} ; show | ReloadSignal=SIGUSR1
  a reload of its own | start ; trap SIGHUP handle ; send READY=1 ; send RELOADING=1\nMONOTONIC_USEC={now} ; show ; send READY=1 ; show
  no handler at ready | start ; send READY=1 ; until failed running
  an ignored signal at ready | start ; trap SIGHUP ignore ; send READY=1 ; until failed running
  no handler at the reload | start ; trap SIGHUP handle ; send READY=1 ; show ; trap SIGHUP default ; reload ; until dead failed running
`,
).map(([name, settings, script]) => [name, settings, script] as const);

/** The fd store. */
const STORES = table(
  STORE,
  String.raw`
  nothing is stored | start ; env ; fds
  one is stored | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=one + file ; show ; restart ; again ; env ; fds
  without a name | start ; again ; send READY=1\nFDSTORE=1 + file ; restart ; again ; fds
  an empty name | start ; again ; send READY=1\nFDSTORE=1\nFDNAME= + file ; restart ; again ; fds
  a name with a colon | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=a:b + file ; restart ; again ; fds
  a name with a control character | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=a\tb + file ; restart ; again ; fds
  a name of 255 characters | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=<n*255> + file ; restart ; again ; fds
  a name of 256 characters | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=<n*256> + file ; restart ; again ; fds
  a name with a blank | start ; again ; send READY=1\nFDSTORE=1\nFDNAME= a b  + file ; restart ; again ; fds
  the newest is the first | start ; again ; send READY=1 ; send FDSTORE=1\nFDNAME=one + file ; send FDSTORE=1\nFDNAME=two + udp ; restart ; again ; fds
  several of one name | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=x + file file ; show ; restart ; again ; fds
  more than fit | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=x + file file file file file ; show
  no room left | start ; send READY=1\nFDSTORE=1 + file file file ; send FDSTORE=1\nSTATUS=full + file ; show
  a duplicate | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=one + file ; send FDSTORE=1\nFDNAME=two + same ; show ; restart ; again ; fds
  two descriptors without a request | start ; send READY=1\nSTATUS=a + file file ; show
  a request without a descriptor | start ; send READY=1\nFDSTORE=1\nFDNAME=a ; show
  removed by name | start ; send READY=1\nFDSTORE=1\nFDNAME=x + file file ; send FDSTORE=1\nFDNAME=y + file ; send FDSTOREREMOVE=1\nFDNAME=x ; show
  removed without a name | start ; send READY=1\nFDSTORE=1 + file ; send FDSTOREREMOVE=1 ; show ; send FDSTOREREMOVE=1\nFDNAME=stored ; show
  removed with an invalid name | start ; send READY=1\nFDSTORE=1 + file ; send FDSTOREREMOVE=1\nFDNAME=a:b ; show
  stored and removed in one message | start ; send READY=1\nFDSTORE=1\nFDNAME=x + file ; send FDSTORE=1\nFDSTOREREMOVE=1\nFDNAME=x + file ; show
  a pair whose other end is closed | start ; send READY=1\nFDSTORE=1 + pair ; show ; close ; sleep 0.3 ; show
  a pipe whose other end is closed | start ; send READY=1\nFDSTORE=1 + pipe ; show ; close ; sleep 0.3 ; show
  a pair without another end | start ; send READY=1\nFDSTORE=1 + alone ; sleep 0.3 ; show
  a pair without another end, not watched | start ; send READY=1\nFDSTORE=1\nFDPOLL=0 + alone ; sleep 0.3 ; show
  an unconnected socket | start ; send READY=1\nFDSTORE=1 + unconnected ; sleep 0.3 ; show
  a listener | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=l + listener ; sleep 0.3 ; show ; restart ; again ; fds
  a socket of datagrams | start ; send READY=1\nFDSTORE=1 + udp ; sleep 0.3 ; show
  a pair whose other end the service has, at its end | start ; again ; send READY=1\nFDSTORE=1 + pair ; show ; restart ; again ; sleep 0.3 ; show
  kept over an automatic restart | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=k + file ; exit 1 ; again ; show ; fds | Restart=on-failure
  dropped at a stop | start ; again ; send READY=1\nFDSTORE=1 + file ; stop ; rest ; start ; again ; show ; fds
  dropped at a failure | start ; send READY=1\nFDSTORE=1 + file ; exit 1 ; rest
  preserved at a stop | start ; again ; send READY=1\nFDSTORE=1\nFDNAME=k + file ; stop ; rest ; start ; again ; fds | FileDescriptorStorePreserve=yes
  preserved at a failure | start ; send READY=1\nFDSTORE=1 + file ; exit 1 ; rest | FileDescriptorStorePreserve=yes
  not preserved at a restart | start ; again ; send READY=1\nFDSTORE=1 + file ; restart ; again ; show ; fds | FileDescriptorStorePreserve=no
  not preserved at an automatic restart | start ; again ; send READY=1\nFDSTORE=1 + file ; exit 1 ; again ; show | FileDescriptorStorePreserve=no Restart=on-failure
  preserved on success, after a stop | start ; send READY=1\nFDSTORE=1 + file ; stop ; rest | FileDescriptorStorePreserve=on-success
  preserved on success, after a failure | start ; send READY=1\nFDSTORE=1 + file ; exit 1 ; rest | FileDescriptorStorePreserve=on-success
  no store | start ; again ; send READY=1\nFDSTORE=1 + file ; show ; env | FileDescriptorStoreMax=0
  a command stores | start ; pre.send FDSTORE=1\nFDNAME=p + file ; show ; pre.env ; pre.exit 0 ; again ; fds | NotifyAccess=all ExecStartPre=pre
  a child stores | start ; again ; fork ; child.send FDSTORE=1\nFDNAME=c + file ; show | NotifyAccess=all
  a barrier with another line | start ; send BARRIER=1\nREADY=1\nSTATUS=a + file ; show
`,
);

/** The table: a name, the settings, and the steps. */
export const SCRIPTS: readonly (readonly [name: string, settings: string, script: string])[] = [
  ...SPLITTING,
  ...VALUES,
  ...STATES,
  ...ACCESS,
  ...MAIN_PID,
  ...TIMES,
  ...EXITS,
  ...RESTARTS,
  ...COMMANDS,
  ...RELOADS,
  ...STORES,
];
