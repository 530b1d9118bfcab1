#pragma once

#include <mutex>

#include "base/result.h"

namespace podium {

// A shared library that is loaded when it is first needed and stays loaded: most runs of Podium
// never speak HTTP or open an archive, and loading such a library with all that it needs takes
// longer than grading a submission. Any thread may ask; a library that is not there is an Error
// (kUnavailable) with the loader's reason, each time.
class SharedLibrary {
 public:
  // `soname` as the loader looks it up, "libcurl.so.4". Loads nothing yet.
  constexpr explicit SharedLibrary(const char* soname) : soname_(soname) {}

  // The function of that name, of the type of `out`.
  template <class F>
  [[nodiscard]] Status Find(const char* name, F*& out) {
    PODIUM_ASSIGN(void* found, Symbol(name));
    out = reinterpret_cast<F*>(found);
    return {};
  }

 private:
  Result<void*> Symbol(const char* name);

  const char* soname_;
  std::mutex mutex_;
  void* handle_ = nullptr;
};

}  // namespace podium
