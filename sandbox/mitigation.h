#pragma once

#include <set>
#include <span>
#include <string_view>

namespace podium::sandbox {

// The mechanisms that keep an agent in, and those that bound what a trial makes the host spend
// outside its sandbox (kPaidFor and what follows). Each can be left out alone: not by any
// configuration, but by the knock-out run (`podium sandbox test --knock-out`), which shows that at
// least one case of the escape suite notices.
enum class Mitigation {
  kUserNamespace,
  kPidNamespace,
  kNetworkNamespace,
  kIpcNamespace,
  kUtsNamespace,
  kCgroupNamespace,
  kCapabilities,
  kNoNewPrivileges,
  kSeccomp,
  kSeccompNamespaces,
  kSeccompSockets,
  kSeccompUnknownCalls,
  kSeccompInit,
  kInitUser,
  kMaskedPaths,
  kReadOnlyPaths,
  kDataReadOnly,
  kDataOverlay,
  kNosuid,
  kDeviceList,
  kPrivateDev,
  kOwnDeviceNodes,
  kOwnTimeNamespace,
  kMemoryLimit,
  kTcpLimit,
  kLockLimit,
  kPidsLimit,
  kCpuLimit,
  kDiskLimit,
  kInodeLimit,
  kShmSize,
  kTmpSize,
  kPrivateTmp,
  kCleanEnvironment,
  kClosedDescriptors,
  kInitUndumpable,
  kKillLeftovers,
  kCoreLimit,
  kFileLimit,
  kOutputCap,
  kDeadline,
  kGuardedHandOver,
  kFreshWorkspace,
  kPaidFor,
  kKeptFiles,
  kOneUpload,
  kShortNames,
};

struct MitigationInfo {
  Mitigation mitigation;
  std::string_view name;  // "user-namespace"
  std::string_view how;   // what does it
};
[[nodiscard]] std::span<const MitigationInfo> Mitigations();

using MitigationSet = std::set<Mitigation>;

}  // namespace podium::sandbox
