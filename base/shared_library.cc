#include "base/shared_library.h"

#include <dlfcn.h>

#include <string>

namespace podium {

Result<void*> SharedLibrary::Symbol(const char* name) {
  std::lock_guard lock(mutex_);
  if (handle_ == nullptr) handle_ = ::dlopen(soname_, RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr)
    return Fail(ErrorCode::kUnavailable,
                std::string(soname_) + " is not installed: " + ::dlerror());
  void* found = ::dlsym(handle_, name);
  if (found == nullptr)
    return Fail(ErrorCode::kUnavailable, std::string(soname_) + " is too old: " + ::dlerror());
  return found;
}

}  // namespace podium
