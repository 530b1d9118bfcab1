#include "base/http/address.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "base/text.h"

namespace podium {
namespace {

struct Parts {
  std::string_view scheme, user, host, path, query;  // "https", "me:pw", "h:80", "/v1", "a=b"
};

Parts Cut(std::string_view url) {
  Parts out;
  if (std::size_t end = url.find("://"); end != std::string_view::npos) {
    out.scheme = url.substr(0, end);
    url.remove_prefix(end + 3);
  }
  url = url.substr(0, url.find('#'));
  std::size_t host_end = std::min(url.find_first_of("/?"), url.size());
  out.host = url.substr(0, host_end);
  url.remove_prefix(host_end);
  if (std::size_t at = out.host.rfind('@'); at != std::string_view::npos) {
    out.user = out.host.substr(0, at);
    out.host.remove_prefix(at + 1);
  }
  std::size_t mark = std::min(url.find('?'), url.size());
  out.path = url.substr(0, mark);
  if (mark < url.size()) out.query = url.substr(mark + 1);
  return out;
}

std::string WithScheme(const Parts& p, std::string_view rest) {
  std::string out = p.scheme.empty() ? "" : std::string(p.scheme) + "://";
  return out + std::string(rest);
}

// Without its port and brackets.
std::string HostName(std::string_view host) {
  if (host.starts_with('[')) return Lower(host.substr(1, host.find(']') - 1));
  return Lower(host.substr(0, host.find(':')));
}

bool Loopback(std::string_view name) {
  return name == "localhost" || name == "::1" || name == "127.0.0.1";
}

// As libcurl reads no_proxy: names and ends of names, or "*".
bool Direct(std::string_view name, std::string_view list) {
  for (auto item : Split(list, ',')) {
    std::string entry = Lower(Trim(item));
    if (entry == "*") return true;
    if (entry.starts_with('.')) entry.erase(0, 1);
    if (!entry.empty() && (name == entry || name.ends_with("." + entry))) return true;
  }
  return false;
}

std::string ProxyVariable(std::string_view scheme, const Variables& variables) {
  std::vector<const char*> names = {"all_proxy", "ALL_PROXY"};
  if (scheme == "https")
    names.insert(names.begin(), {"https_proxy", "HTTPS_PROXY"});
  else
    names.insert(names.begin(), "http_proxy");
  for (const char* name : names) {
    if (auto value = variables(name); value && !value->empty()) return *value;
  }
  return {};
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Under which others than one machine or one network find it: no number, no name without a dot, and
// no end that the public's names never have (RFC 6762, RFC 2606, ICANN's "internal").
bool IsPublicName(std::string_view name) {
  for (std::string_view end : {".local", ".localhost", ".internal", ".lan", ".home.arpa"}) {
    if (name.ends_with(end)) return false;
  }
  std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == name.size()) return false;
  return !IsDigit(name[dot + 1]) && name.find(':') == std::string_view::npos;
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned value = 0;
    const char* at = text.data() + i + 1;
    bool coded = text[i] == '%' && i + 2 < text.size() &&
                 std::from_chars(at, at + 2, value, 16).ptr == at + 2;
    out += coded ? static_cast<char>(value) : text[i];
    if (coded) i += 2;
  }
  return out;
}

bool NamesASecret(std::string_view name) {
  std::string lower = Lower(name);
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"authorization", "key", "token", "secret", "password",
                                              "cookie", "signature"},
      [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

void AddUser(std::string_view user, std::vector<std::string>& out) {
  std::size_t colon = user.find(':');
  if (colon == std::string_view::npos) return;
  out.emplace_back(user);
  out.push_back(Decoded(user.substr(colon + 1)));
}

void AddQuery(std::string_view query, std::vector<std::string>& out) {
  for (auto pair : Split(query, '&')) {
    std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !NamesASecret(pair.substr(0, equals))) continue;
    out.push_back(Decoded(pair.substr(equals + 1)));
  }
}

void AddHeader(std::string_view header, std::vector<std::string>& out) {
  std::size_t colon = header.find(':');
  if (colon == std::string_view::npos || !NamesASecret(header.substr(0, colon))) return;
  std::string_view value = Trim(header.substr(colon + 1));
  std::size_t blank = value.find(' ');  // behind "Bearer", "Basic"
  if (blank != std::string_view::npos) value = Trim(value.substr(blank + 1));
  out.emplace_back(value);
}

}  // namespace

std::string Origin(std::string_view url) {
  Parts p = Cut(url);
  return Lower(WithScheme(p, p.host));
}

std::string PathOf(std::string_view url) { return std::string(Cut(url).path); }

std::optional<std::string> PublicHost(std::string_view url) {
  Parts parts = Cut(url);
  std::string name = HostName(parts.host);
  std::size_t colon = parts.host.find(':');
  bool usual = colon == std::string_view::npos || parts.host.substr(colon) == ":443";
  if (Lower(parts.scheme) != "https" || !usual || !IsPublicName(name)) return std::nullopt;
  return name;
}

std::string ShownUrl(std::string_view url) {
  Parts p = Cut(url);
  return WithScheme(p, std::string(p.host) + std::string(p.path));
}

std::string Below(std::string_view base, std::string_view path) {
  base = base.substr(0, base.find('#'));
  std::size_t mark = std::min(base.find('?'), base.size());
  std::string out(base.substr(0, mark));
  while (out.ends_with('/')) out.pop_back();
  return out + std::string(path) + std::string(base.substr(mark));
}

std::optional<std::string> PastedWord(std::string_view text) {
  std::string_view word = Trim(text);
  for (unsigned char c : word) {
    if (c <= 0x20 || c == 0x7F) return std::nullopt;
  }
  return std::string(word);
}

std::optional<std::string> EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string ProxyFor(std::string_view url, const Variables& variables) {
  Parts p = Cut(url);
  std::string name = HostName(p.host);
  if (Loopback(name) || Direct(name, DirectHosts(variables))) return {};
  return ShownUrl(ProxyVariable(Lower(p.scheme), variables));
}

std::string DirectHosts(const Variables& variables) {
  std::string out = "localhost,127.0.0.1,::1";
  for (const char* name : {"no_proxy", "NO_PROXY"}) {
    auto value = variables(name);
    if (!value || value->empty()) continue;
    return Trim(*value) == "*" ? "*" : out + "," + *value;
  }
  return out;
}

std::vector<std::string> SecretsOf(std::string_view url, const std::vector<std::string>& headers) {
  std::vector<std::string> out;
  for (const auto& header : headers) AddHeader(header, out);
  Parts p = Cut(url);
  AddUser(p.user, out);
  AddQuery(p.query, out);
  std::string proxy = ProxyVariable(Lower(p.scheme), EnvironmentVariable);
  AddUser(Cut(proxy).user, out);
  std::erase_if(out, [](const std::string& secret) { return secret.empty(); });
  return out;
}

}  // namespace podium
