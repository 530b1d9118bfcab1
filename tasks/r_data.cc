#include "tasks/r_data.h"

#include <bit>
#include <cstring>

#include "tasks/deb_package.h"

namespace podium::tasks {
namespace {

using Kind = RValue::Kind;

// The item types of R Internals 1.8 that data files hold (SEXPTYPE numbers and the serializer's own
// codes).
enum : int {
  kSymbol = 1,
  kPairList = 2,
  kClosure = 3,
  kEnvironment = 4,
  kPromise = 5,
  kLanguage = 6,
  kChar = 9,
  kLogicalVector = 10,
  kIntegerVector = 13,
  kRealVector = 14,
  kComplexVector = 15,
  kStringVector = 16,
  kGenericVector = 19,
  kExpression = 20,
  kRawVector = 24,
  kS4 = 25,
  kAltRep = 238,
  kAttrList = 239,
  kAttrLanguage = 240,
  kBaseEnvironment = 241,
  kEmptyEnvironment = 242,
  kPersistent = 247,
  kPackage = 248,
  kNamespace = 249,
  kBaseNamespace = 250,
  kMissingArgument = 251,
  kUnboundValue = 252,
  kGlobalEnvironment = 253,
  kNullValue = 254,
  kReference = 255
};
constexpr int kMaxDepth = 200;

class Unserializer {
 public:
  explicit Unserializer(std::string_view bytes) : rest_(bytes) {}

  Result<RPtr> Document() {
    if (!rest_.starts_with("X\n")) return Bad("not in R's XDR format");
    rest_.remove_prefix(2);
    PODIUM_ASSIGN(auto version, Int());
    if (version != 2 && version != 3)
      return Bad("serialization version " + std::to_string(version) + " is not 2 or 3");
    PODIUM_TRY(Take(8));  // the versions of R that wrote it and that can read it
    if (version == 3) {
      PODIUM_ASSIGN(auto length, Int());
      PODIUM_TRY(Take(static_cast<std::size_t>(length)));  // the name of the native encoding
    }
    return Item(0);
  }

 private:
  static tl::unexpected<Error> Bad(std::string what) {
    return Fail(ErrorCode::kIo, "R data: " + std::move(what));
  }

  Result<std::string_view> Take(std::size_t n) {
    if (n > rest_.size()) return Bad("the data end too early");
    std::string_view out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }

  Result<std::int32_t> Int() {
    PODIUM_ASSIGN(auto bytes, Take(4));
    return static_cast<std::int32_t>(BigEndian(bytes));
  }

  static std::uint64_t BigEndian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (char c : bytes) value = value << 8 | static_cast<unsigned char>(c);
    return value;
  }

  // A vector's length; each element takes at least `element` bytes, so a false length cannot ask
  // for memory.
  Result<std::size_t> Length(std::size_t element) {
    PODIUM_ASSIGN(auto length, Int());
    if (length < 0) return Bad("a vector of more than 2^31 elements");
    if (static_cast<std::size_t>(length) * element > rest_.size())
      return Bad("the data end too early");
    return static_cast<std::size_t>(length);
  }

  Result<RPtr> Item(int depth) {
    if (depth > kMaxDepth) return Bad("nested too deeply");
    PODIUM_ASSIGN(auto flags, Int());
    int type = flags & 0xff;
    switch (type) {
      case kNullValue:
      case kEmptyEnvironment:
      case kBaseEnvironment:
      case kGlobalEnvironment:
      case kMissingArgument:
      case kUnboundValue:
      case kBaseNamespace:
        return std::make_shared<RValue>();
      case kReference:
        return Reference(flags >> 8);
      case kSymbol:
        return Symbol(depth);
      case kEnvironment:
        return Environment(depth);
      case kPersistent:
      case kNamespace:
      case kPackage:
        return Names(depth);
      case kPairList:
      case kLanguage:
      case kClosure:
      case kPromise:
      case kAttrList:
      case kAttrLanguage:
        return PairList(flags, depth);
      case kAltRep:
        return AltRep(depth);
      default:
        return Vector(flags, depth);
    }
  }

  Result<RPtr> Reference(int index) {
    if (index == 0) {
      PODIUM_ASSIGN(index, Int());
    }
    if (index < 1 || static_cast<std::size_t>(index) > references_.size())
      return Bad("a reference to nothing");
    return references_[static_cast<std::size_t>(index) - 1];
  }

  Result<RPtr> Symbol(int depth) {
    PODIUM_ASSIGN(auto name, Item(depth + 1));
    references_.push_back(name);
    return name;
  }

  // Environments and names are read past: data frames hold them only as decoration.
  Result<RPtr> Environment(int depth) {
    PODIUM_TRY(Int());
    auto out = std::make_shared<RValue>();
    out->kind = Kind::kOther;
    references_.push_back(out);
    for (int i = 0; i < 4; ++i)
      PODIUM_TRY(Item(depth + 1));  // enclosure, frame, hash table, attributes
    return out;
  }

  Result<RPtr> Names(int depth) {
    PODIUM_TRY(Int());
    PODIUM_ASSIGN(auto length, Length(4));
    for (std::size_t i = 0; i < length; ++i) PODIUM_TRY(Item(depth + 1));
    auto out = std::make_shared<RValue>();
    out->kind = Kind::kOther;
    references_.push_back(out);
    return out;
  }

  // A pair list becomes a list with a "names" attribute. Its length is walked in a loop, not by
  // recursion.
  Result<RPtr> PairList(int flags, int depth) {
    auto out = std::make_shared<RValue>();
    out->kind = Kind::kList;
    auto names = std::make_shared<RValue>();
    names->kind = Kind::kString;
    for (;;) {
      int type = flags & 0xff;
      if (type == kNullValue) break;
      if (type != kPairList && type != kLanguage && type != kClosure && type != kPromise &&
          type != kAttrList && type != kAttrLanguage) {
        return Bad("a pair list with a tail of type " + std::to_string(type));
      }
      bool has_attributes = (flags & 0x200) || type == kAttrList || type == kAttrLanguage;
      if (has_attributes) PODIUM_TRY(Item(depth + 1));
      RPtr tag;
      if (flags & 0x400) {
        PODIUM_ASSIGN(tag, Item(depth + 1));
      }
      PODIUM_ASSIGN(auto value, Item(depth + 1));
      out->items.push_back(std::move(value));
      names->strings.push_back(tag && !tag->strings.empty() ? tag->strings[0] : std::nullopt);
      if (rest_.size() >= 4 && IsPlainTail()) {
        PODIUM_TRY(Item(depth + 1));
        break;
      }
      PODIUM_ASSIGN(flags, Int());
    }
    out->attributes.emplace_back("names", std::move(names));
    return out;
  }

  // Closures and promises end in something that is no pair list.
  [[nodiscard]] bool IsPlainTail() const {
    int type = static_cast<int>(BigEndian(rest_.substr(0, 4)) & 0xff);
    return type != kPairList && type != kLanguage && type != kNullValue && type != kAttrList &&
           type != kAttrLanguage;
  }

  Result<std::optional<std::string>> CharText() {
    PODIUM_ASSIGN(auto length, Int());
    if (length == -1) return std::nullopt;
    if (length < 0) return Bad("a text of negative length");
    PODIUM_ASSIGN(auto text, Take(static_cast<std::size_t>(length)));
    return std::string(text);
  }

  Result<RPtr> Vector(int flags, int depth) {
    auto out = std::make_shared<RValue>();
    PODIUM_TRY(Elements(flags & 0xff, depth, *out));
    if ((flags & 0x200) && (flags & 0xff) != kChar) {
      PODIUM_ASSIGN(auto attributes, Item(depth + 1));
      AddAttributes(*attributes, *out);
    } else if (flags & 0x200) {
      PODIUM_TRY(Item(depth + 1));
    }
    return out;
  }

  static void AddAttributes(const RValue& list, RValue& out) {
    const RValue* names = list.Attribute("names");
    for (std::size_t i = 0; names && i < list.items.size() && i < names->strings.size(); ++i) {
      if (names->strings[i]) out.attributes.emplace_back(*names->strings[i], list.items[i]);
    }
  }

  Status Elements(int type, int depth, RValue& out) {
    switch (type) {
      case kChar: {
        out.kind = Kind::kString;
        PODIUM_ASSIGN(auto text, CharText());
        out.strings.push_back(std::move(text));
        return {};
      }
      case kLogicalVector:
      case kIntegerVector:
        return Integers(type == kLogicalVector ? Kind::kLogical : Kind::kInteger, out);
      case kRealVector:
        return Doubles(out);
      case kStringVector:
        return Strings(depth, out);
      case kGenericVector:
      case kExpression:
        return List(depth, out);
      case kComplexVector:
        return Skip(16, out);
      case kRawVector:
        return Skip(1, out);
      case kS4:
        out.kind = Kind::kOther;
        return {};
      default:
        return Bad("an object of type " + std::to_string(type) + " is not supported");
    }
  }

  Status Integers(Kind kind, RValue& out) {
    out.kind = kind;
    PODIUM_ASSIGN(auto length, Length(4));
    PODIUM_ASSIGN(auto bytes, Take(length * 4));
    out.integers.resize(length);
    for (std::size_t i = 0; i < length; ++i)
      out.integers[i] = static_cast<std::int32_t>(BigEndian(bytes.substr(4 * i, 4)));
    return {};
  }

  Status Doubles(RValue& out) {
    out.kind = Kind::kDouble;
    PODIUM_ASSIGN(auto length, Length(8));
    PODIUM_ASSIGN(auto bytes, Take(length * 8));
    out.doubles.resize(length);
    for (std::size_t i = 0; i < length; ++i)
      out.doubles[i] = std::bit_cast<double>(BigEndian(bytes.substr(8 * i, 8)));
    return {};
  }

  Status Strings(int depth, RValue& out) {
    out.kind = Kind::kString;
    PODIUM_ASSIGN(auto length, Length(8));
    out.strings.reserve(length);
    for (std::size_t i = 0; i < length; ++i) {
      PODIUM_ASSIGN(auto text, Item(depth + 1));
      out.strings.push_back(text->strings.empty() ? std::nullopt : text->strings[0]);
    }
    return {};
  }

  Status List(int depth, RValue& out) {
    out.kind = Kind::kList;
    PODIUM_ASSIGN(auto length, Length(4));
    out.items.reserve(length);
    for (std::size_t i = 0; i < length; ++i) {
      PODIUM_ASSIGN(auto item, Item(depth + 1));
      out.items.push_back(std::move(item));
    }
    return {};
  }

  Status Skip(std::size_t element, RValue& out) {
    out.kind = Kind::kOther;
    PODIUM_ASSIGN(auto length, Length(element));
    PODIUM_TRY(Take(length * element));
    return {};
  }

  // A vector stored by a rule: an integer sequence, a wrapper, or numbers to be shown as text.
  Result<RPtr> AltRep(int depth) {
    PODIUM_ASSIGN(auto info, Item(depth + 1));
    PODIUM_ASSIGN(auto state, Item(depth + 1));
    PODIUM_ASSIGN(auto attributes, Item(depth + 1));
    bool named =
        !info->items.empty() && !info->items[0]->strings.empty() && info->items[0]->strings[0];
    std::string name = named ? *info->items[0]->strings[0] : "";
    auto out = std::make_shared<RValue>();
    if (name == "compact_intseq" && state->doubles.size() == 3 && state->doubles[0] >= 0 &&
        state->doubles[0] < 1e8) {
      out->kind = Kind::kInteger;
      for (double i = 0; i < state->doubles[0]; ++i) {
        out->integers.push_back(
            static_cast<std::int32_t>(state->doubles[1] + i * state->doubles[2]));
      }
    } else if (name.starts_with("wrap_") && !state->items.empty()) {
      *out = *state->items[0];
    } else {
      return Bad("a compact vector of class '" + name + "' is not supported");
    }
    AddAttributes(*attributes, *out);
    return out;
  }

  std::string_view rest_;
  std::vector<RPtr> references_;
};

// The slice of a lazy-load database: a big-endian length, then compressed bytes, in some packages
// after a letter for the kind.
Result<std::string> LazySlice(std::string_view rdb, std::int32_t offset, std::int32_t length) {
  bool inside = offset >= 0 && length > 5 &&
                static_cast<std::size_t>(offset) + static_cast<std::size_t>(length) <= rdb.size();
  if (!inside) return Fail(ErrorCode::kIo, "R data: the index points outside the database");
  std::string_view slice =
      rdb.substr(static_cast<std::size_t>(offset) + 4, static_cast<std::size_t>(length) - 4);
  if (slice[0] == 'Z') return DecompressRawLzma2(slice.substr(1));
  if (slice[0] == '2' || slice[0] == '0') slice.remove_prefix(1);
  return Decompress(slice);
}

}  // namespace

const RValue* RValue::Attribute(std::string_view name) const {
  for (const auto& [key, value] : attributes) {
    if (key == name) return value.get();
  }
  return nullptr;
}

Result<RPtr> ReadRds(std::string_view bytes) {
  PODIUM_ASSIGN(auto plain, Decompress(bytes));
  return Unserializer(plain).Document();
}

Result<std::map<std::string, RPtr>> ReadRda(std::string_view bytes) {
  PODIUM_ASSIGN(auto plain, Decompress(bytes));
  bool known = plain.starts_with("RDX2\n") || plain.starts_with("RDX3\n");
  if (!known)
    return Fail(ErrorCode::kIo, "R data: not an .rda file (it does not begin with RDX2 or RDX3)");
  PODIUM_ASSIGN(auto list, Unserializer(std::string_view(plain).substr(5)).Document());
  std::map<std::string, RPtr> out;
  const RValue* names = list->Attribute("names");
  for (std::size_t i = 0; names && i < list->items.size() && i < names->strings.size(); ++i) {
    if (names->strings[i]) out[*names->strings[i]] = list->items[i];
  }
  return out;
}

Result<RPtr> ReadLazyObject(std::string_view rdx, std::string_view rdb, std::string_view name) {
  PODIUM_ASSIGN(auto index, ReadRds(rdx));
  RValue root;
  root.attributes.clear();
  const RValue* names = index->Attribute("names");
  for (std::size_t i = 0; names && i < index->items.size(); ++i) {
    if (names->strings.at(i) != "variables") continue;
    const RValue& variables = *index->items[i];
    const RValue* keys = variables.Attribute("names");
    for (std::size_t k = 0; keys && k < variables.items.size() && k < keys->strings.size(); ++k) {
      if (keys->strings[k] != name || variables.items[k]->integers.size() != 2) continue;
      const auto& place = variables.items[k]->integers;
      PODIUM_ASSIGN(auto slice, LazySlice(rdb, place[0], place[1]));
      return ReadRds(slice);
    }
  }
  return Fail(ErrorCode::kNotFound,
              "R data: the database has no object '" + std::string(name) + "'");
}

}  // namespace podium::tasks
