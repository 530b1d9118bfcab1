#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/http/tls_identity.h"
#include "sandbox/spec.h"

namespace podium::harness {

// By what a program in a sandbox takes the gateway for the vendors' own servers: their names lead
// to loopback, and the trial's authority is among those that it trusts, in the places of the
// distributions and in the variables of those who look elsewhere. What the image has of its own in
// these files stays there. Blocks.
[[nodiscard]] std::vector<sandbox::RootFile> VendorFiles(
    const TlsIdentity& tls, const std::vector<std::filesystem::path>& image_layers);

// The variables that go with them.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> VendorEnvironment();

}  // namespace podium::harness
