#include "sandbox/build/host_clients.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/deadlines.h"
#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/images/apt_sources.h"

namespace podium::sandbox {
namespace {

namespace fs = std::filesystem;

// What pip goes by where nobody configured it is known to pip alone.
constexpr const char* kAskPip = R"py(
import json, os, pip
from pip._internal.models.index import PyPI
print(json.dumps({"package": os.path.dirname(os.path.abspath(pip.__file__)),
                  "index": PyPI.simple_url, "files": PyPI.file_storage_domain}))
)py";

constexpr const char* kCertificateFiles[] = {
    "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

Result<std::string> Run(std::vector<std::string> argv, Deadline deadline) {
  ProcessSpec spec;
  spec.argv = std::move(argv);
  return RunTool(spec, deadline);
}

// "global.index-url='https://...'" by key; what is nearer to the command counts.
std::map<std::string, std::string> PipConfiguration(const std::string& listing) {
  std::map<std::string, std::string> out;
  for (std::string_view section : {"global.", "install.", ":env:."}) {
    for (auto line : Split(listing, '\n')) {
      std::size_t equals = line.find('=');
      if (!line.starts_with(section) || equals == std::string_view::npos) continue;
      auto key = line.substr(section.size(), equals - section.size());
      auto value = Trim(line.substr(equals + 1));
      if (value.size() >= 2 && (value.front() == '\'' || value.front() == '"'))
        value = value.substr(1, value.size() - 2);
      out[std::string(key)] = std::string(value);
    }
  }
  return out;
}

Status AddHosts(const std::vector<std::string>& urls, std::vector<RegistryHost>& hosts) {
  for (const auto& url : urls) {
    PODIUM_ASSIGN(auto host, RegistryHostOf(url));
    if (std::ranges::find(hosts, host) == hosts.end()) hosts.push_back(std::move(host));
  }
  return {};
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> out;
  for (auto word : Split(text, ' ')) {
    for (auto part : Split(word, '\n')) {
      if (!Trim(part).empty()) out.emplace_back(Trim(part));
    }
  }
  return out;
}

std::vector<std::string> AptCommand(const fs::path& state, const AptWanted& wanted) {
  auto option = [](const std::string& name, const std::string& value) {
    return name + "=" + value;
  };
  std::vector<std::string> out = {"apt-get", "-qq", "-y"};
  for (const std::string& setting :
       {option("Dir::State", state / "state"), option("Dir::State::status", wanted.status),
        option("Dir::State::extended_states", state / "state" / "extended"),
        option("Dir::Cache", state / "cache"), option("Dir::Etc::SourceList", "/dev/null"),
        option("Dir::Etc::SourceParts", state / "sources"),
        option("Dir::Etc::Preferences", "/dev/null"),
        option("Dir::Etc::PreferencesParts", state / "none"),
        option("APT::Install-Recommends", "false"), option("APT::Get::List-Cleanup", "false")}) {
    out.emplace_back("-o");
    out.push_back(setting);
  }
  return out;
}

// "curl_7.88.1-10_amd64.deb" as apt names a file; a colon of the version is %3a there.
Result<LockedPackage> DebOf(const fs::path& file) {
  LockedPackage out;
  out.file = file.filename();
  auto parts = Split(out.file, '_');
  if (parts.size() != 3)
    return Fail(ErrorCode::kInternal, "apt fetched a file with the name " + out.file);
  out.name = std::string(parts[0]);
  out.version = std::string(parts[1]);
  for (std::size_t at; (at = out.version.find("%3a")) != std::string::npos;)
    out.version.replace(at, 3, ":");
  PODIUM_ASSIGN(auto digest, DigestFile(file));
  out.hash = digest.hex();
  return out;
}

Status MakeState(const fs::path& state, const AptWanted& wanted) {
  for (const char* dir : {"state/lists/partial", "cache/archives/partial", "sources", "none"})
    PODIUM_TRY(MakeDirs(state / dir));
  PODIUM_ASSIGN(auto sources, AptSourcesFor(wanted.release));
  for (std::size_t i = 0; i < sources.size(); ++i)
    PODIUM_TRY(WriteFileAtomic(state / "sources" / (std::to_string(i) + sources[i].extension),
                               sources[i].text));
  return {};
}

}  // namespace

Result<PipClient> FindPip(const Registries& registries, Deadline deadline) {
  auto answer = Run({"python3", "-c", kAskPip}, deadline);
  if (!answer)
    return Fail(
        ErrorCode::kUnavailable,
        "a recipe with 'pip' needs Python with pip on this host (apt install python3-pip): " +
            answer.error().message);
  PODIUM_ASSIGN(Json json, ParseJson(*answer, "pip's own settings"));
  PODIUM_ASSIGN(auto listing, Run({"python3", "-m", "pip", "config", "list"}, deadline));
  auto configured = PipConfiguration(listing);
  PipClient out;
  PODIUM_ASSIGN(auto package, JsonGet<std::string>(json, "package"));
  PODIUM_ASSIGN(out.index, JsonGet<std::string>(json, "index"));
  PODIUM_ASSIGN(auto files, JsonGet<std::string>(json, "files"));
  out.package = package;
  if (!configured["index-url"].empty()) out.index = configured["index-url"];
  out.extra_indexes = Words(configured["extra-index-url"]);
  if (!registries.pip.empty()) {
    out.index = registries.pip;
    out.extra_indexes.clear();
  }
  PODIUM_TRY(AddHosts({out.index, files}, out.hosts));
  PODIUM_TRY(AddHosts(out.extra_indexes, out.hosts));
  PODIUM_TRY(AddHosts(registries.hosts, out.hosts));
  return out;
}

Result<NpmClient> FindNpm(const Registries& registries, Deadline deadline) {
  NpmClient out;
  out.registry = registries.npm;
  if (out.registry.empty()) {
    auto answer = Run({"npm", "config", "get", "registry"}, deadline);
    if (!answer)
      return Fail(ErrorCode::kUnavailable,
                  "a recipe with 'npm' needs npm on this host, whose registry it takes, or "
                  "`registries: {npm: URL}`: " +
                      answer.error().message);
    out.registry = std::string(Trim(*answer));
  }
  PODIUM_TRY(AddHosts({out.registry}, out.hosts));
  PODIUM_TRY(AddHosts(registries.hosts, out.hosts));
  return out;
}

Result<std::string> HostCertificates(Deadline deadline) {
  std::vector<fs::path> files;
  if (auto listing = Run({"python3", "-m", "pip", "config", "list"}, deadline)) {
    std::string own = PipConfiguration(*listing)["cert"];
    if (!own.empty()) files.emplace_back(own);
  }
  if (const char* own = ::getenv("SSL_CERT_FILE"); own && *own) files.emplace_back(own);
  files.insert(files.end(), std::begin(kCertificateFiles), std::end(kCertificateFiles));
  for (const auto& file : files) {
    std::error_code ec;
    if (fs::exists(file, ec)) return ReadFile(file, 16 << 20);
  }
  return std::string();
}

Result<std::vector<LockedPackage>> FetchDebs(const AptWanted& wanted, const fs::path& folder,
                                             Deadline deadline) {
  fs::path state = folder / "apt";
  PODIUM_TRY(MakeState(state, wanted));
  auto apt = AptCommand(state, wanted);
  auto update = apt;
  update.emplace_back("update");
  PODIUM_TRY(Run(update, deadline));
  auto install = apt;
  install.insert(install.end(), {"install", "--download-only", "--no-install-recommends"});
  for (const auto& p : wanted.locked) install.push_back(p.name + "=" + p.version);
  if (wanted.locked.empty())
    install.insert(install.end(), wanted.packages.begin(), wanted.packages.end());
  PODIUM_TRY(Run(install, deadline));
  std::vector<LockedPackage> out;
  std::error_code ec;
  for (fs::directory_iterator it(state / "cache" / "archives", ec), end; !ec && it != end;
       it.increment(ec)) {
    if (it->path().extension() != ".deb") continue;
    PODIUM_ASSIGN(auto deb, DebOf(it->path()));
    fs::rename(it->path(), folder / "debs" / deb.file, ec);
    if (ec) return FailErrno(ErrorCode::kIo, "cannot keep " + deb.file, ec.value());
    out.push_back(std::move(deb));
  }
  std::ranges::sort(out, {}, &LockedPackage::name);
  return out;
}

}  // namespace podium::sandbox
