#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace podium {

// "https://host:port" of an address, in lower case: one provider, whatever the path.
[[nodiscard]] std::string Origin(std::string_view url);

// The path of an address as it stands there, "/" and all; "" where it has none.
[[nodiscard]] std::string PathOf(std::string_view url);

// The host's name in lower case, where the address is one of HTTPS at the usual port under a name
// that the public knows: no number, no name of one machine or of a private network.
[[nodiscard]] std::optional<std::string> PublicHost(std::string_view url);

// The address as a person may see it: without user, password and query.
[[nodiscard]] std::string ShownUrl(std::string_view url);

// A path below a base address; slashes at the base's end do no harm, its query stays the query.
[[nodiscard]] std::string Below(std::string_view base, std::string_view path);

// An address or a key as people paste them: without blanks and line ends around it. Nothing where
// blanks or control characters are left inside, which would end the header or the request line.
[[nodiscard]] std::optional<std::string> PastedWord(std::string_view text);

// The value of an environment variable, or nothing.
using Variables = std::function<std::optional<std::string>(const char* name)>;
[[nodiscard]] std::optional<std::string> EnvironmentVariable(const char* name);

// The proxy that libcurl takes from the environment for this address, as a person may see it; ""
// for none. Loopback is always reached directly.
[[nodiscard]] std::string ProxyFor(std::string_view url,
                                   const Variables& variables = EnvironmentVariable);
// Hosts that are reached directly: those of no_proxy and loopback.
[[nodiscard]] std::string DirectHosts(const Variables& variables = EnvironmentVariable);

// What must not come back in an answer: the values of headers that say who asks (Authorization,
// x-api-key, ...), passwords and keys in the address, passwords of proxies.
[[nodiscard]] std::vector<std::string> SecretsOf(std::string_view url,
                                                 const std::vector<std::string>& headers);

}  // namespace podium
