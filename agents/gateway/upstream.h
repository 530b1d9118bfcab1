#pragma once

#include <string>
#include <string_view>

#include "agents/gateway/policy.h"
#include "agents/models/catalogue.h"
#include "agents/models/retry_after.h"
#include "agents/models/wire/wire_format.h"
#include "base/http/client.h"
#include "base/http/server.h"

namespace podium::agents {

// The request as it is sent. Of the agent's own headers only the few that say how an answer should
// look are passed on; betas that are not listed are left out and flagged.
[[nodiscard]] HttpRequest UpstreamRequest(const Route& route, const Model& model,
                                          const std::string& path, const std::string& key,
                                          const ServedRequest& asked, std::string body,
                                          std::vector<Flag>& flags);

// Those headers of an answer that a client acts on.
[[nodiscard]] HttpHeaders PassedHeaders(const HttpHeaders& headers);
[[nodiscard]] std::string_view HeaderOf(const HttpHeaders& headers, std::string_view name);

}  // namespace podium::agents
