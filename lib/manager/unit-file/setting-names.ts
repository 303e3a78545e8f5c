// The names of all settings that systemd knows in services and sockets, and since which release.

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Settings of a process, its end and its resources: systemd.exec(5), systemd.kill(5), systemd.resource-control(5). */
const OF_PROCESSES = words(`
  ExecStartPre ExecStartPost ExecStopPost TimeoutSec WorkingDirectory RootDirectory RootImage
  RootImageOptions RootHash RootHashSignature RootVerity ExtensionDirectories ExtensionImages
  MountImages User Group SupplementaryGroups Nice OOMScoreAdjust CoredumpFilter IOSchedulingClass
  IOSchedulingPriority CPUSchedulingPolicy CPUSchedulingPriority CPUSchedulingResetOnFork
  CPUAffinity NUMAPolicy NUMAMask UMask Environment EnvironmentFile PassEnvironment
  UnsetEnvironment DynamicUser RemoveIPC StandardInput StandardOutput StandardError
  StandardInputText StandardInputData TTYPath TTYReset TTYVHangup TTYVTDisallocate TTYRows
  TTYColumns SyslogIdentifier SyslogFacility SyslogLevel SyslogLevelPrefix LogLevelMax
  LogRateLimitIntervalSec LogRateLimitBurst LogExtraFields SecureBits CapabilityBoundingSet
  AmbientCapabilities TimerSlackNSec NoNewPrivileges KeyringMode ProtectProc ProcSubset
  SystemCallFilter SystemCallArchitectures SystemCallErrorNumber SystemCallLog
  MemoryDenyWriteExecute RestrictNamespaces RestrictRealtime RestrictSUIDSGID
  RestrictAddressFamilies LockPersonality RestrictFileSystems LimitCPU LimitFSIZE LimitDATA
  LimitSTACK LimitCORE LimitRSS LimitNOFILE LimitAS LimitNPROC LimitMEMLOCK LimitLOCKS
  LimitSIGPENDING LimitMSGQUEUE LimitNICE LimitRTPRIO LimitRTTIME ReadWriteDirectories
  ReadOnlyDirectories InaccessibleDirectories ReadWritePaths ReadOnlyPaths InaccessiblePaths
  ExecPaths NoExecPaths ExecSearchPath BindPaths BindReadOnlyPaths TemporaryFileSystem PrivateTmp
  PrivateDevices ProtectKernelTunables ProtectKernelModules ProtectKernelLogs ProtectClock
  ProtectControlGroups NetworkNamespacePath IPCNamespacePath LogNamespace PrivateNetwork
  PrivateUsers PrivateMounts PrivateIPC ProtectSystem ProtectHome MountFlags MountAPIVFS
  Personality RuntimeDirectoryPreserve RuntimeDirectoryMode RuntimeDirectory StateDirectoryMode
  StateDirectory CacheDirectoryMode CacheDirectory LogsDirectoryMode LogsDirectory
  ConfigurationDirectoryMode ConfigurationDirectory SetCredential SetCredentialEncrypted
  LoadCredential LoadCredentialEncrypted TimeoutCleanSec PAMName IgnoreSIGPIPE UtmpIdentifier
  UtmpMode SELinuxContext AppArmorProfile SmackProcessLabel ProtectHostname Slice AllowedCPUs
  StartupAllowedCPUs AllowedMemoryNodes StartupAllowedMemoryNodes CPUAccounting CPUWeight
  StartupCPUWeight CPUShares StartupCPUShares CPUQuota CPUQuotaPeriodSec MemoryAccounting
  MemoryMin DefaultMemoryMin DefaultMemoryLow MemoryLow MemoryHigh MemoryMax MemorySwapMax
  MemoryLimit DeviceAllow DevicePolicy IOAccounting IOWeight StartupIOWeight IODeviceWeight
  IOReadBandwidthMax IOWriteBandwidthMax IOReadIOPSMax IOWriteIOPSMax IODeviceLatencyTargetSec
  BlockIOAccounting BlockIOWeight StartupBlockIOWeight BlockIODeviceWeight BlockIOReadBandwidth
  BlockIOWriteBandwidth TasksAccounting TasksMax Delegate DisableControllers IPAccounting
  IPAddressAllow IPAddressDeny IPIngressFilterPath IPEgressFilterPath ManagedOOMSwap
  ManagedOOMMemoryPressure ManagedOOMMemoryPressureLimit ManagedOOMPreference BPFProgram
  SocketBindAllow SocketBindDeny RestrictNetworkInterfaces SendSIGKILL SendSIGHUP KillMode
  KillSignal RestartKillSignal FinalKillSignal WatchdogSignal RootImagePolicy RootEphemeral
  RootMStack ExtensionImagePolicy MountImagePolicy SetLoginEnvironment LogFilterPatterns
  PrivateBPF BPFDelegateCommands BPFDelegateMaps BPFDelegatePrograms BPFDelegateAttachments
  DelegateNamespaces UserNamespacePath PrivatePIDs BindLogSockets StateDirectoryAccounting
  StateDirectoryQuota CacheDirectoryAccounting CacheDirectoryQuota LogsDirectoryAccounting
  LogsDirectoryQuota ImportCredential MemoryKSM MemoryTHP CPUSetPartition StartupMemoryLow
  StartupMemoryHigh StartupMemoryMax StartupMemorySwapMax MemoryZSwapMax StartupMemoryZSwapMax
  MemoryZSwapWriteback DelegateSubgroup ManagedOOMMemoryPressureDurationSec OOMRules
  MemoryPressureThresholdSec MemoryPressureWatch CPUPressureThresholdSec CPUPressureWatch
  IOPressureThresholdSec IOPressureWatch NFTSet CoredumpReceive BindNetworkInterface
`);

/** The settings of each section. Those that systemd only knows for old files count too. */
const SETTINGS: Readonly<Record<string, ReadonlySet<string>>> = {
  Unit: new Set([
    ...words(`
      Description Documentation SourcePath Requires Requisite Wants BindsTo BindTo Upholds
      Conflicts Before After OnSuccess OnFailure PropagatesReloadTo PropagateReloadTo
      ReloadPropagatedFrom PropagateReloadFrom PropagatesStopTo StopPropagatedFrom PartOf
      JoinsNamespaceOf RequiresOverridable RequisiteOverridable RequiresMountsFor StopWhenUnneeded
      RefuseManualStart RefuseManualStop AllowIsolate DefaultDependencies OnSuccessJobMode
      OnFailureJobMode OnFailureIsolate IgnoreOnIsolate JobTimeoutSec JobRunningTimeoutSec
      JobTimeoutAction JobTimeoutRebootArgument StartLimitIntervalSec StartLimitInterval
      StartLimitBurst StartLimitAction FailureAction SuccessAction FailureActionExitStatus
      SuccessActionExitStatus RebootArgument ConditionPathExists ConditionPathExistsGlob
      ConditionPathIsDirectory ConditionPathIsSymbolicLink ConditionPathIsMountPoint
      ConditionPathIsReadWrite ConditionPathIsEncrypted ConditionDirectoryNotEmpty
      ConditionFileNotEmpty ConditionFileIsExecutable ConditionNeedsUpdate ConditionFirstBoot
      ConditionArchitecture ConditionFirmware ConditionVirtualization ConditionHost
      ConditionKernelCommandLine ConditionKernelVersion ConditionCredential ConditionSecurity
      ConditionCapability ConditionACPower ConditionMemory ConditionCPUFeature ConditionCPUs
      ConditionEnvironment ConditionUser ConditionGroup ConditionControlGroupController
      ConditionOSRelease ConditionMemoryPressure ConditionCPUPressure ConditionIOPressure
      AssertPathExists AssertPathExistsGlob AssertPathIsDirectory AssertPathIsSymbolicLink
      AssertPathIsMountPoint AssertPathIsReadWrite AssertPathIsEncrypted AssertDirectoryNotEmpty
      AssertFileNotEmpty AssertFileIsExecutable AssertNeedsUpdate AssertFirstBoot
      AssertArchitecture AssertVirtualization AssertHost AssertKernelCommandLine
      AssertKernelVersion AssertCredential AssertSecurity AssertCapability AssertACPower
      AssertMemory AssertCPUFeature AssertCPUs AssertEnvironment AssertUser AssertGroup
      AssertControlGroupController AssertOSRelease AssertMemoryPressure AssertCPUPressure
      AssertIOPressure CollectMode WantsMountsFor SurviveFinalKillSignal ConditionPathIsSocket
      ConditionFraction ConditionVersion ConditionMachineTag ConditionKernelModuleLoaded
      AssertPathIsSocket AssertFraction AssertVersion AssertMachineTag AssertKernelModuleLoaded
    `),
  ]),
  Service: new Set([
    ...OF_PROCESSES,
    ...words(`
      PIDFile ExecCondition ExecStart ExecReload ExecStop RestartSec TimeoutStartSec
      TimeoutStopSec TimeoutAbortSec TimeoutStartFailureMode TimeoutStopFailureMode RuntimeMaxSec
      RuntimeRandomizedExtraSec WatchdogSec StartLimitInterval StartLimitBurst StartLimitAction
      FailureAction RebootArgument Type ExitType Restart PermissionsStartOnly
      RootDirectoryStartOnly RemainAfterExit GuessMainPID RestartPreventExitStatus
      RestartForceExitStatus SuccessExitStatus NonBlocking BusName FileDescriptorStoreMax
      NotifyAccess Sockets USBFunctionDescriptors USBFunctionStrings OOMPolicy ExecReloadPost
      RestartSteps RestartMaxDelaySec RestartRandomizedDelaySec RestartMode
      FileDescriptorStorePreserve LUOSession OpenFile ReloadSignal RefreshOnReload
    `),
  ]),
  Socket: new Set([
    ...OF_PROCESSES,
    ...words(`
      ListenStream ListenDatagram ListenSequentialPacket ListenFIFO ListenNetlink ListenSpecial
      ListenMessageQueue ListenUSBFunction SocketProtocol BindIPv6Only Backlog BindToDevice
      ExecStopPre SocketUser SocketGroup SocketMode DirectoryMode Accept FlushPending Writable
      MaxConnections MaxConnectionsPerSource KeepAlive KeepAliveTimeSec KeepAliveIntervalSec
      KeepAliveProbes DeferAcceptSec NoDelay Priority ReceiveBuffer SendBuffer IPTOS IPTTL Mark
      PipeSize FreeBind Transparent Broadcast PassCredentials PassSecurity PassPacketInfo
      Timestamping TCPCongestion ReusePort MessageQueueMaxMessages MessageQueueMessageSize
      RemoveOnStop Symlinks FileDescriptorName Service TriggerLimitIntervalSec TriggerLimitBurst
      SmackLabel SmackLabelIPIn SmackLabelIPOut SELinuxContextFromNet PassPIDFD
      AcceptFileDescriptors PassFileDescriptorsToExec PollLimitIntervalSec PollLimitBurst
      DeferTrigger DeferTriggerMaxSec XAttrEntryPoint XAttrListen XAttrAccept
    `),
  ]),
  Install: new Set([
    ...words(`
      Alias WantedBy RequiredBy Also DefaultInstance UpheldBy
    `),
  ]),
};

/** The release that brought a setting, for those that 252 does not have. */
const SINCE: Readonly<Record<number, readonly string[]>> = {
  253: words(`
    OpenFile ReloadSignal LogFilterPatterns StartupMemoryLow StartupMemoryHigh StartupMemoryMax
    StartupMemorySwapMax MemoryZSwapMax StartupMemoryZSwapMax
  `),
  254: words(`
    RestartSteps RestartMaxDelaySec RestartMode FileDescriptorStorePreserve RootImagePolicy
    MountImagePolicy ExtensionImagePolicy RootEphemeral ImportCredential MemoryKSM
    DelegateSubgroup MemoryPressureThresholdSec MemoryPressureWatch UpheldBy
  `),
  255: words(`
    SurviveFinalKillSignal SetLoginEnvironment NFTSet CoredumpReceive PollLimitIntervalSec
    PollLimitBurst
  `),
  256: words(`
    WantsMountsFor MemoryZSwapWriteback PassFileDescriptorsToExec
  `),
  257: words(`
    PrivatePIDs BindLogSockets ManagedOOMMemoryPressureDurationSec
  `),
  258: words(`
    ConditionVersion AssertVersion ConditionKernelModuleLoaded AssertKernelModuleLoaded PrivateBPF
    BPFDelegateCommands BPFDelegateMaps BPFDelegatePrograms BPFDelegateAttachments
    DelegateNamespaces StateDirectoryAccounting StateDirectoryQuota CacheDirectoryAccounting
    CacheDirectoryQuota LogsDirectoryAccounting LogsDirectoryQuota PassPIDFD AcceptFileDescriptors
    DeferTrigger DeferTriggerMaxSec
  `),
  259: words(`
    ExecReloadPost UserNamespacePath
  `),
  260: words(`
    ConditionPathIsSocket AssertPathIsSocket RefreshOnReload RootMStack MemoryTHP
    BindNetworkInterface
  `),
  261: words(`
    ConditionFraction AssertFraction ConditionMachineTag AssertMachineTag CPUSetPartition OOMRules
    CPUPressureThresholdSec CPUPressureWatch IOPressureThresholdSec IOPressureWatch
  `),
  262: words(`
    RestartRandomizedDelaySec LUOSession XAttrEntryPoint XAttrListen XAttrAccept
  `),
};

const RELEASE_OF = new Map(
  Object.entries(SINCE).flatMap(([release, names]) =>
    names.map((name) => [name, Number(release)] as const),
  ),
);

/** The sections of a service and of a socket unit. */
export const SERVICE_SECTIONS: readonly string[] = ['Unit', 'Service', 'Install'];
export const SOCKET_SECTIONS: readonly string[] = ['Unit', 'Socket', 'Install'];

/**
 * Returns why this release of systemd ignores a setting in this section; undefined when it knows the setting. Names
 * that begin with `X-` are for other programs, and systemd passes over them without a word.
 */
export function whyUnknown(section: string, key: string, systemd: number): string | undefined {
  if (key.startsWith('X-')) return undefined;
  if (!SETTINGS[section]?.has(key)) {
    const right = Object.keys(SETTINGS).find((other) => SETTINGS[other]?.has(key));
    return right === undefined
      ? 'systemd has no such setting'
      : `systemd has it in [${right}], and not in [${section}]`;
  }
  const release = RELEASE_OF.get(key) ?? 0;
  return release > systemd ? `it came with systemd ${release}, and this is ${systemd}` : undefined;
}
