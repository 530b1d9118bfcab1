#include "sandbox/mitigation.h"

namespace podium::sandbox {
namespace {

using enum Mitigation;

constexpr MitigationInfo kMitigations[] = {
    {kUserNamespace, "user-namespace", "65,536 ids of its own a sandbox, mapped by the runtime"},
    {kPidNamespace, "pid-namespace", "own process numbers; PID 1 is podium-init"},
    {kNetworkNamespace, "network-namespace", "a loopback without a route"},
    {kIpcNamespace, "ipc-namespace", "own SysV and POSIX IPC"},
    {kUtsNamespace, "uts-namespace", "own host name"},
    {kCgroupNamespace, "cgroup-namespace", "own view of the control groups"},
    {kCapabilities, "capabilities", "all five sets empty"},
    {kNoNewPrivileges, "no-new-privileges", "prctl(PR_SET_NO_NEW_PRIVS)"},
    {kSeccomp, "seccomp", "the profile configs/sandboxes/seccomp.json as a whole"},
    {kSeccompNamespaces, "seccomp-namespaces", "no namespace flag in clone, no unshare, no setns"},
    {kSeccompSockets, "seccomp-sockets", "UNIX and Internet sockets only"},
    {kSeccompUnknownCalls, "seccomp-unknown-calls", "calls that are not named give ENOSYS"},
    {kSeccompInit, "seccomp-init", "no limit, priority or CPU of PID 1 by its number"},
    {kInitUser, "init-user", "podium-init is a user of its own, out of the agent's reach"},
    {kMaskedPaths, "masked-paths", "kernel memory, keys and timers in /proc are covered"},
    {kReadOnlyPaths, "read-only-paths", "/proc/sys and its like cannot be written"},
    {kDataReadOnly, "data-read-only", "data are mounted read-only"},
    {kDataOverlay, "data-overlay", "data are an overlay of its own, not a shared bind mount"},
    {kNosuid, "nosuid", "set-user-id files give nothing"},
    {kDeviceList, "device-list", "the device control group denies what is not listed"},
    {kPrivateDev, "private-dev", "/dev is a file system of its own with six nodes"},
    {kOwnDeviceNodes, "own-device-nodes", "the six nodes are made for this sandbox alone"},
    {kOwnTimeNamespace, "time-namespace", "a time namespace of its own"},
    {kMemoryLimit, "memory-limit", "memory control group, swap included"},
    {kTcpLimit, "tcp-limit", "memory of TCP buffers by the memory control group"},
    {kLockLimit, "lock-limit", "file locks are counted while a command runs"},
    {kPidsLimit, "pids-limit", "pids control group"},
    {kCpuLimit, "cpu-limit", "cpu control group quota"},
    {kDiskLimit, "disk-limit", "a sized file system of its own"},
    {kInodeLimit, "inode-limit", "the inodes of that file system"},
    {kShmSize, "shm-size", "size of the tmpfs at /dev/shm"},
    {kTmpSize, "tmp-size", "size of the tmpfs at /tmp"},
    {kPrivateTmp, "private-tmp", "/tmp is a file system of its own"},
    {kCleanEnvironment, "clean-environment", "the environment is the listed variables"},
    {kClosedDescriptors, "closed-descriptors", "close_range before a command starts"},
    {kInitUndumpable, "init-undumpable", "prctl(PR_SET_DUMPABLE, 0) in podium-init"},
    {kKillLeftovers, "kill-leftovers", "what a command leaves behind is killed with it"},
    {kCoreLimit, "core-limit", "RLIMIT_CORE 0"},
    {kFileLimit, "file-limit", "RLIMIT_NOFILE 8192"},
    {kOutputCap, "output-cap", "podium-init keeps the head and the tail"},
    {kDeadline, "deadline", "everything is killed when a command's time is over"},
    {kGuardedHandOver, "guarded-hand-over", "openat2 beneath a held folder, fstat, bounded copy"},
    {kFreshWorkspace, "fresh-workspace", "a writable layer of its own, removed at the end"},
    {kPaidFor, "paid-for",
     "no file is taken that the sandbox's disk could not hold, none with holes"},
    {kKeptFiles, "kept-files", "of a search's files no more is kept than one may have"},
    {kOneUpload, "one-upload", "one upload to the validator at a time, admitted by its header"},
    {kShortNames, "short-names", "the gateway looks at no field whose name has over 256 bytes"},
};

}  // namespace

std::span<const MitigationInfo> Mitigations() { return kMitigations; }

}  // namespace podium::sandbox
