#include "sandbox/backends/engine/engine_api.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>

#include "base/deadlines.h"
#include "base/http/curl.h"
#include "base/text.h"
#include "sandbox/host/removal.h"

namespace podium::sandbox {
namespace {

constexpr std::size_t kReplyCap = 16 << 20;

std::size_t Collect(char* data, std::size_t one, std::size_t n, void* out) {
  auto& body = *static_cast<std::string*>(out);
  if (body.size() + one * n > kReplyCap) return 0;
  body.append(data, one * n);
  return one * n;
}

std::size_t Give(char* data, std::size_t one, std::size_t n, void* from) {
  return (*static_cast<std::function<std::size_t(char*, std::size_t)>*>(from))(data, one * n);
}

struct Transfer {
  const CurlApi& api;
  CURL* handle;
  curl_slist* headers = nullptr;
  explicit Transfer(const CurlApi& a) : api(a), handle(a.easy_init()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    api.slist_free_all(headers);
    api.easy_cleanup(handle);
  }
};

Result<EngineApi::Reply> Perform(const std::string& socket, const std::string& method,
                                 const std::string& path, const std::string& body,
                                 std::function<std::size_t(char*, std::size_t)>* upload,
                                 Deadline deadline) {
  PODIUM_ASSIGN(const CurlApi* api, Curl());
  Transfer t(*api);
  if (!t.handle) return Fail(ErrorCode::kSandbox, "libcurl gives no handle");
  EngineApi::Reply reply;
  auto left = deadline.remaining();
  std::string url = "http://engine" + path;
  auto set = [&](CURLoption option, auto value) { api->easy_setopt(t.handle, option, value); };
  set(CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_CUSTOMREQUEST, method.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(left.count())));
  set(CURLOPT_WRITEFUNCTION, &Collect);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&reply.body));
  t.headers = api->slist_append(t.headers, "Expect:");
  if (upload) {
    t.headers = api->slist_append(t.headers, "Content-Type: application/x-tar");
    t.headers = api->slist_append(t.headers, "Transfer-Encoding: chunked");
    set(CURLOPT_POST, 1L);
    set(CURLOPT_READFUNCTION, &Give);
    set(CURLOPT_READDATA, static_cast<void*>(upload));
  } else if (method == "POST") {
    t.headers = api->slist_append(t.headers, "Content-Type: application/json");
    set(CURLOPT_POSTFIELDS, body.c_str());
    set(CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
  }
  set(CURLOPT_HTTPHEADER, t.headers);
  CURLcode code = api->easy_perform(t.handle);
  if (code != CURLE_OK)
    return Fail(code == CURLE_OPERATION_TIMEDOUT ? ErrorCode::kTimeout : ErrorCode::kUnavailable,
                "the engine at " + socket + " does not answer: " + api->easy_strerror(code));
  api->easy_getinfo(t.handle, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

}  // namespace

Result<EngineApi::Reply> EngineApi::Call(const std::string& method, const std::string& path,
                                         const std::string& body, Deadline deadline) const {
  return Perform(socket_, method, path, body, nullptr, deadline);
}

Result<EngineApi::Reply> EngineApi::Upload(const std::string& path,
                                           std::function<std::size_t(char*, std::size_t)> read,
                                           Deadline deadline) const {
  return Perform(socket_, "POST", path, "", &read, deadline);
}

Result<Json> EngineApi::Ask(const std::string& method, const std::string& path, const Json& body,
                            Deadline deadline) const {
  PODIUM_ASSIGN(auto reply, Call(method, path, body.is_null() ? "" : DumpJson(body), deadline));
  if (reply.ok()) {
    if (reply.body.empty()) return Json::object();
    return ParseJson(reply.body, "the engine's answer to " + path);
  }
  std::string message = reply.body;
  if (auto parsed = ParseJson(reply.body, "answer"))
    message = JsonOr<std::string>(*parsed, "message", message);
  return Fail(ErrorCode::kSandbox, "the engine at " + socket_ + " refused " + method + " " + path +
                                       " (" + std::to_string(reply.status) + "): " + message);
}

std::string EngineSocket(const std::string& engine) {
  bool docker = engine == "docker";
  const char* host = std::getenv(docker ? "DOCKER_HOST" : "CONTAINER_HOST");
  std::string_view address = host ? host : "";
  if (address.starts_with("unix://")) return std::string(address.substr(7));
  return docker ? "/var/run/docker.sock" : "/run/podman/podman.sock";
}

namespace {

Status RemoveContainer(const HostPaths& paths, Deadline deadline) {
  EngineApi api(paths.engine);
  std::string path = "/containers/podium-" + paths.id + "?force=true&v=true";
  // An engine that is just noticing the container's end refuses for that moment: Podman by 500, for
  // a container cannot be stopped twice, Docker by 409.
  Deadline patience = deadline.Earlier(Deadline::In(kEngineSettleTime));
  for (;;) {
    PODIUM_ASSIGN(auto reply, api.Call("DELETE", path, "", deadline));
    if (reply.ok() || reply.status == 404) return {};
    if (patience.expired())
      return Fail(ErrorCode::kSandbox, "the engine at " + paths.engine +
                                           " does not remove podium-" + paths.id + ": " +
                                           reply.body);
    std::this_thread::sleep_for(kEngineSettlePoll);
  }
}

}  // namespace

Status RemoveEngineSandbox(const HostPaths& paths, Deadline deadline) {
  PODIUM_TRY(RemoveContainer(paths, deadline));
  PODIUM_TRY(RemoveCgroups(paths, deadline));
  return RemoveFiles(paths);
}

}  // namespace podium::sandbox
