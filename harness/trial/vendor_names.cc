#include "harness/trial/vendor_names.h"

#include <optional>

#include "base/foreign_folder.h"

namespace podium::harness {
namespace {

namespace fs = std::filesystem;
using Layers = std::vector<fs::path>;

constexpr const char* kAuthority = "/etc/ssl/certs/podium-trial.pem";
constexpr const char* kBundle = "/etc/ssl/certs/ca-certificates.crt";
// Where Debian's OpenSSL looks first, whatever is installed of it.
constexpr const char* kOfOpenssl = "/usr/lib/ssl/cert.pem";
// Where other distributions keep theirs.
constexpr const char* kOtherBundles[] = {"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                         "/etc/pki/tls/certs/ca-bundle.crt",
                                         "/var/lib/ca-certificates/ca-bundle.pem"};
constexpr std::uint64_t kLongestFile = 4 << 20;

// As the topmost layer that has it says; a link, or something odd, is none.
std::optional<std::string> FileOfImage(const Layers& layers, const std::string& inside) {
  std::string name = inside.substr(1);
  for (const auto& layer : layers) {
    auto folder = ForeignFolder::Open(layer);
    auto text = folder ? folder->Read(name, kLongestFile) : tl::unexpected(folder.error());
    if (text) return *text;
    if (text.error().code != ErrorCode::kNotFound) return std::nullopt;
  }
  return std::nullopt;
}

std::string EndedByLine(std::string text) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

// There is no server of names. Some resolvers notice that at once; musl's waits as long as it is
// told.
constexpr const char* kResolver = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n";

std::string Hosts(const Layers& layers, const std::vector<std::string>& names) {
  std::string text = EndedByLine(
      FileOfImage(layers, "/etc/hosts").value_or("127.0.0.1 localhost podium\n::1 localhost\n"));
  for (const auto& name : names) text += "127.0.0.1 " + name + "\n";
  return text;
}

}  // namespace

std::vector<sandbox::RootFile> VendorFiles(const TlsIdentity& tls, const Layers& image_layers) {
  std::vector<sandbox::RootFile> out = {{"/etc/hosts", Hosts(image_layers, tls.hosts())},
                                        {"/etc/resolv.conf", kResolver},
                                        {kAuthority, tls.authority()},
                                        {"/etc/ssl/certs/" + tls.hashed_name(), tls.authority()}};
  auto own = FileOfImage(image_layers, kBundle);
  for (const char* at : kOtherBundles) {
    auto other = FileOfImage(image_layers, at);
    if (!other) continue;
    out.push_back({at, EndedByLine(*other) + tls.authority()});
    if (!own) own = std::move(other);
  }
  for (const char* at : {kBundle, kOfOpenssl})
    out.push_back({at, EndedByLine(own.value_or("")) + tls.authority()});
  return out;
}

std::vector<std::pair<std::string, std::string>> VendorEnvironment() {
  return {{"SSL_CERT_FILE", kBundle},
          {"REQUESTS_CA_BUNDLE", kBundle},
          {"CURL_CA_BUNDLE", kBundle},
          {"AWS_CA_BUNDLE", kBundle},
          {"PIP_CERT", kBundle},
          {"GIT_SSL_CAINFO", kBundle},
          {"NODE_EXTRA_CA_CERTS", kAuthority},
          {"DENO_CERT", kAuthority}};
}

}  // namespace podium::harness
