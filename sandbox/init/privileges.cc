#include "sandbox/init/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace podium::sandbox::init {
namespace {

constexpr uint32_t kKept = 1u << CAP_KILL | 1u << CAP_SETGID | 1u << CAP_SETUID | 1u << CAP_SETPCAP;

// Effective and permitted, of the capabilities below 32; nothing is inheritable.
bool SetCapabilities(uint32_t kept) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {{kept, kept, 0}, {0, 0, 0}};
  return syscall(SYS_capset, &head, sets) == 0;
}

// gVisor knows no ambient capabilities, and has none then.
void DropAmbient() { prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); }

bool DropBounding() {
  for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; ++cap) {
    if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
      return false;
  }
  return true;
}

bool Become(uid_t user) {
  if (setgroups(0, nullptr) != 0 && getgroups(0, nullptr) != 0) return false;
  return setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0;
}

}  // namespace

bool BecomeInit(uid_t user) {
  DropAmbient();
  prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  bool became = (getuid() == user && getgid() == user) || Become(user);
  prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  return became && SetCapabilities(kKept);
}

bool GiveUpPrivileges(uid_t user) {
  bool became = DropBounding() && Become(user);
  DropAmbient();
  return became && SetCapabilities(0);
}

}  // namespace podium::sandbox::init
