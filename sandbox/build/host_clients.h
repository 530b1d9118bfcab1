#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/build/registry_proxy.h"
#include "sandbox/images/layer_recipe.h"
#include "sandbox/images/recipe_lock.h"

// What a build takes from this host's own package clients: which registries they are configured
// for, which certificates they trust. No registry is named in Podium.
namespace podium::sandbox {

struct PipClient {
  std::filesystem::path package;  // the host's pip, which also runs in a sandbox without one
  std::string index;              // URL
  std::vector<std::string> extra_indexes;
  std::vector<RegistryHost> hosts;
};
[[nodiscard]] Result<PipClient> FindPip(const Registries& registries, Deadline deadline);

struct NpmClient {
  std::string registry;  // URL
  std::vector<RegistryHost> hosts;
};
[[nodiscard]] Result<NpmClient> FindNpm(const Registries& registries, Deadline deadline);

// The certificates that this host's clients trust, as PEM; empty where none are found.
[[nodiscard]] Result<std::string> HostCertificates(Deadline deadline);

// Fetches the packages and all they need that the image lacks into `folder`, with this host's
// apt-get and its Debian sources, of the image's own release. With `locked` those versions alone.
struct AptWanted {
  std::vector<std::string> packages;
  std::vector<LockedPackage> locked;
  std::filesystem::path status;  // the image's dpkg status
  std::string release;           // "bookworm"
};
[[nodiscard]] Result<std::vector<LockedPackage>> FetchDebs(const AptWanted& wanted,
                                                           const std::filesystem::path& folder,
                                                           Deadline deadline);

}  // namespace podium::sandbox
