#pragma once

#include <string_view>

namespace podium::fuzz {

// Each feeds one parser of bytes that an agent or a download wrote, and what is computed from its
// result; aborts where an invariant does not hold. libFuzzer drives them (preset `fuzz`), and a
// test runs the committed corpora through them in every build.
void Csv(std::string_view bytes);
void Rle(std::string_view bytes);
void Box(std::string_view bytes);
void Polygon(std::string_view bytes);
void Unpack(std::string_view bytes);
void Form(std::string_view bytes);
void Request(std::string_view bytes);
void Events(std::string_view bytes);
void ForeignJson(std::string_view bytes);
void Retry(std::string_view bytes);
void Lines(std::string_view bytes);
void HttpHead(std::string_view bytes);
void Yaml(std::string_view bytes);
void TaskYaml(std::string_view bytes);
void Cdi(std::string_view bytes);
void RData(std::string_view bytes);
void Tar(std::string_view bytes);
void Oci(std::string_view bytes);
void Frames(std::string_view bytes);
void Records(std::string_view bytes);
void Answer(std::string_view bytes);
void Acp(std::string_view bytes);
void Proxy(std::string_view bytes);
void Lock(std::string_view bytes);

struct Target {
  std::string_view name;  // also the corpus folder
  void (*run)(std::string_view bytes);
};
// tests/fuzz/CMakeLists.txt and scripts/fuzz name them too.
inline constexpr Target kTargets[] = {
    {"csv", Csv},          {"rle", Rle},       {"box", Box},         {"polygon", Polygon},
    {"unpack", Unpack},    {"form", Form},     {"request", Request}, {"events", Events},
    {"json", ForeignJson}, {"retry", Retry},   {"lines", Lines},     {"http", HttpHead},
    {"yaml", Yaml},        {"task", TaskYaml}, {"cdi", Cdi},         {"rdata", RData},
    {"tar", Tar},          {"oci", Oci},       {"frames", Frames},   {"records", Records},
    {"answer", Answer},    {"acp", Acp},       {"proxy", Proxy},     {"lock", Lock}};

}  // namespace podium::fuzz
