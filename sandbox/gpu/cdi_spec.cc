#include "sandbox/gpu/cdi_spec.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/text.h"
#include "base/yaml.h"

namespace podium::sandbox {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsPlain(char c) { return IsLetter(c) || (c >= '0' && c <= '9'); }

// Letters and digits with `between` among them; the first one a letter where `letter` says so.
bool IsName(std::string_view text, std::string_view between, bool letter) {
  if (text.empty() || text.size() > 253 || !IsPlain(text.front()) || !IsPlain(text.back()))
    return false;
  if (letter && !IsLetter(text.front())) return false;
  return std::ranges::all_of(
      text, [&](char c) { return IsPlain(c) || between.find(c) != std::string_view::npos; });
}

bool IsKind(std::string_view kind) {
  std::size_t slash = kind.find('/');
  return slash != std::string_view::npos && IsName(kind.substr(0, slash), "_-.", true) &&
         IsName(kind.substr(slash + 1), "_-.", true);
}

bool IsDeviceName(std::string_view name) { return IsName(name, "_-.:", false); }

// "0.3.0" to "0.8.0", the patch being any number.
bool IsKnownVersion(std::string_view version) {
  return version.size() >= 5 && version.starts_with("0.") && version[2] >= '3' &&
         version[2] <= '8' && version[3] == '.' &&
         std::ranges::all_of(version.substr(4), [](char c) { return c >= '0' && c <= '9'; });
}

Result<const YamlNode*> List(YamlMap& map, std::string_view key) {
  static const YamlNode kNone = [] {
    YamlNode none;
    none.kind = YamlNode::Kind::kList;
    return none;
  }();
  const YamlNode* list = map.Get(key);
  if (!list) return &kNone;
  if (list->kind != YamlNode::Kind::kList)
    return list->Complain("'" + std::string(key) + "' must be a list");
  return list;
}

Result<std::vector<std::string>> Texts(YamlMap& map, std::string_view key) {
  PODIUM_ASSIGN(const YamlNode* list, List(map, key));
  return list->AsStrings();
}

Result<std::optional<unsigned>> Number(YamlMap& map, std::string_view key) {
  const YamlNode* node = map.Get(key);
  if (!node) return std::nullopt;
  PODIUM_ASSIGN(auto value, node->AsInt());
  if (value < 0 || value > 0xfffff)
    return node->Complain("'" + std::string(key) + "' must be a number from 0 to 1048575");
  return static_cast<unsigned>(value);
}

// A path that names one place: absolute, without "." and ".." and doubled slashes.
Result<std::string> Path(const YamlNode& node, std::string_view key) {
  PODIUM_ASSIGN(auto path, node.AsString());
  std::filesystem::path p(path);
  bool plain = std::ranges::all_of(path, [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
  if (!plain || !p.is_absolute() || p.lexically_normal() != p || path.find("//") != path.npos ||
      path.size() > 4095 || (path.size() > 1 && path.back() == '/'))
    return node.Complain("'" + std::string(key) + "' must be an absolute path without '.', '..' " +
                         "and '//', found '" + Printable(path) + "'");
  return path;
}

Result<CdiEdits::Node> ReadNode(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  CdiEdits::Node out;
  out.place = node.place();
  PODIUM_ASSIGN(const YamlNode* path, map.Require("path"));
  PODIUM_ASSIGN(out.path, Path(*path, "path"));
  out.host = out.path;
  if (const YamlNode* host = map.Get("hostPath")) {
    PODIUM_ASSIGN(out.host, Path(*host, "hostPath"));
  }
  PODIUM_ASSIGN(auto type, map.StringOr("type", ""));
  if (!type.empty() && type != "c" && type != "u" && type != "b")
    return node.Complain("'type' of " + out.path + " must be c, u or b, found '" + Printable(type) +
                         "'");
  if (!type.empty()) out.type = type == "b" ? 'b' : 'c';
  PODIUM_ASSIGN(out.major, Number(map, "major"));
  PODIUM_ASSIGN(out.minor, Number(map, "minor"));
  PODIUM_ASSIGN(out.permissions, map.StringOr("permissions", "rwm"));
  if (out.permissions.empty() || out.permissions.find_first_not_of("rwm") != std::string::npos)
    return node.Complain("'permissions' of " + out.path + " must be made of r, w and m, found '" +
                         Printable(out.permissions) + "'");
  // Read and checked; the node inside is the host's own, with its mode and owner.
  for (const char* key : {"fileMode", "uid", "gid"}) {
    const YamlNode* value = map.Get(key);
    if (!value) continue;
    PODIUM_ASSIGN(auto number, value->AsInt());
    if (number < 0 || number > 0xffffffffLL)
      return value->Complain("'" + std::string(key) + "' must be a number from 0 to 4294967295");
  }
  PODIUM_TRY(map.Finish());
  return out;
}

Result<CdiEdits::Mount> ReadMount(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  CdiEdits::Mount out;
  out.place = node.place();
  PODIUM_ASSIGN(const YamlNode* host, map.Require("hostPath"));
  PODIUM_ASSIGN(out.host, Path(*host, "hostPath"));
  PODIUM_ASSIGN(const YamlNode* path, map.Require("containerPath"));
  PODIUM_ASSIGN(out.path, Path(*path, "containerPath"));
  PODIUM_ASSIGN(out.options, Texts(map, "options"));
  PODIUM_ASSIGN(auto type, map.StringOr("type", "bind"));
  if (type != "bind" && type != "none" && !type.empty())
    return node.Complain("a mount of type '" + Printable(type) +
                         "' is not made: only files and folders of the host are shown (type bind)");
  static constexpr std::array kOptions = {
      "ro",  "rw",      "bind",     "rbind", "nosuid", "nodev",  "noexec",  "exec",    "suid",
      "dev", "private", "rprivate", "slave", "rslave", "shared", "rshared", "noatime", "relatime"};
  for (const auto& option : out.options) {
    if (std::ranges::find(kOptions, option) == kOptions.end())
      return node.Complain("unknown mount option '" + Printable(option) + "' of " + out.path);
  }
  PODIUM_TRY(map.Finish());
  return out;
}

Result<std::string> ReadHook(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  PODIUM_ASSIGN(auto name, map.String("hookName"));
  PODIUM_ASSIGN(const YamlNode* node_path, map.Require("path"));
  PODIUM_ASSIGN(auto path, Path(*node_path, "path"));
  PODIUM_ASSIGN(auto args, Texts(map, "args"));
  PODIUM_TRY(Texts(map, "env"));
  PODIUM_TRY(map.IntOr("timeout", 0));
  PODIUM_TRY(map.Finish());
  std::string out = Printable(name) + " " + path.substr(path.rfind('/') + 1);
  // args[0] is the program's name again; nvidia-cdi-hook takes its task's name next.
  for (std::size_t i = 1; i < args.size() && i < 3; ++i) {
    if (args[i] == "hook") continue;
    if (!args[i].starts_with('-')) out += " " + Printable(args[i]);
    break;
  }
  return out;
}

Result<CdiEdits::Variable> ReadVariable(const YamlNode& node) {
  PODIUM_ASSIGN(auto text, node.AsString());
  std::size_t equals = text.find('=');
  std::string name = text.substr(0, equals);
  bool good = equals != std::string::npos && !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
              text.find('\0') == std::string::npos &&
              std::ranges::all_of(name, [](char c) { return IsPlain(c) || c == '_'; });
  if (!good)
    return node.Complain("a variable is written NAME=VALUE, found '" + Printable(text) + "'");
  return CdiEdits::Variable{name, text.substr(equals + 1)};
}

template <class T>
Status ReadList(YamlMap& map, std::string_view key, Result<T> (*read)(const YamlNode&),
                std::vector<T>& out) {
  PODIUM_ASSIGN(const YamlNode* list, List(map, key));
  for (const auto& item : list->items) {
    PODIUM_ASSIGN(auto value, read(item));
    out.push_back(std::move(value));
  }
  return {};
}

Result<CdiEdits> ReadEdits(const YamlNode* node) {
  CdiEdits out;
  if (!node) return out;
  PODIUM_ASSIGN(auto map, YamlMap::From(*node));
  PODIUM_TRY(ReadList(map, "deviceNodes", ReadNode, out.nodes));
  PODIUM_TRY(ReadList(map, "mounts", ReadMount, out.mounts));
  PODIUM_TRY(ReadList(map, "env", ReadVariable, out.env));
  PODIUM_TRY(ReadList(map, "hooks", ReadHook, out.hooks));
  for (const char* key : {"intelRdt", "additionalGids"}) {
    if (map.Get(key)) out.ignored.emplace_back(key);
  }
  PODIUM_TRY(map.Finish());
  return out;
}

Result<CdiDevice> ReadDevice(const YamlNode& node) {
  PODIUM_ASSIGN(auto map, YamlMap::From(node));
  CdiDevice out;
  out.place = node.place();
  PODIUM_ASSIGN(out.name, map.String("name"));
  if (!IsDeviceName(out.name))
    return node.Complain("'" + Printable(out.name) +
                         "' cannot name a device: letters, digits, '_', '-', '.' and ':', " +
                         "beginning and ending with a letter or digit");
  static_cast<void>(map.Get("annotations"));  // known, and of no use here
  PODIUM_ASSIGN(out.edits, ReadEdits(map.Get("containerEdits")));
  PODIUM_TRY(map.Finish());
  return out;
}

}  // namespace

Result<CdiSpec> ParseCdiSpec(std::string_view text, const std::string& file) {
  PODIUM_ASSIGN(auto root, ParseYaml(text, file));  // JSON is YAML
  PODIUM_ASSIGN(auto map, YamlMap::From(root));
  CdiSpec out;
  PODIUM_ASSIGN(auto version, map.String("cdiVersion"));
  if (!IsKnownVersion(version))
    return root.Complain("cdiVersion '" + Printable(version) +
                         "' is not known: 0.3.0 to 0.8.0 are (generate the file again with " +
                         "another version)");
  PODIUM_ASSIGN(out.kind, map.String("kind"));
  if (!IsKind(out.kind))
    return root.Complain("kind '" + Printable(out.kind) +
                         "' is not of the form vendor.com/class, such as nvidia.com/gpu");
  static_cast<void>(map.Get("annotations"));  // known, and of no use here
  PODIUM_ASSIGN(out.edits, ReadEdits(map.Get("containerEdits")));
  PODIUM_TRY(ReadList(map, "devices", ReadDevice, out.devices));
  PODIUM_TRY(map.Finish());
  if (out.devices.empty()) return root.Complain("'devices' names no device");
  for (auto it = out.devices.begin(); it != out.devices.end(); ++it) {
    auto before = std::find_if(out.devices.begin(), it,
                               [&](const CdiDevice& d) { return d.name == it->name; });
    if (before != it)
      return Fail(ErrorCode::kConfig,
                  it->place + ": device '" + it->name + "' was there before, at " + before->place);
  }
  return out;
}

Result<std::pair<std::string, std::string>> SplitCdiName(const std::string& name) {
  std::size_t equals = name.find('=');
  if (equals == std::string::npos || !IsKind(std::string_view(name).substr(0, equals)) ||
      !IsDeviceName(std::string_view(name).substr(equals + 1)))
    return Fail(ErrorCode::kConfig, "'" + Printable(name) +
                                        "' is not the name of a GPU: write vendor.com/class=name, "
                                        "such as nvidia.com/gpu=0");
  return std::pair(name.substr(0, equals), name.substr(equals + 1));
}

}  // namespace podium::sandbox
