// A Kubernetes object is its JSON document: fields that we do not know stay as they are. These reach into one and make
// what is missing on the way. Where something else stands in place (a text where an object belongs) it is replaced, so
// documents of users are checked first.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "codec/json.h"

namespace stoker::resources {

using Texts = std::map<std::string, std::string, std::less<>>;  // labels, annotations, the data of a ConfigMap

// Reading: what is missing, null or of another type is "", empty or 0.
std::string text_in(const json::object& object, std::string_view key);
const json::object& object_in(const json::object& object, std::string_view key);
const json::array& list_in(const json::object& object, std::string_view key);
std::int64_t number_in(const json::object& object, std::string_view key);

json::object& object_at(json::object& parent, std::string_view key);
json::array& list_at(json::object& parent, std::string_view key);
// Adds to the texts at `key`; nothing is made when there are none.
void add_texts(json::object& parent, std::string_view key, const Texts& texts);

// apiVersion, kind and metadata.name.
json::object make_object(std::string_view api_version, std::string_view kind, std::string_view name);

// One that Kubernetes lets nobody change: a ConfigMap or a Secret with its data.
json::object make_immutable(std::string_view kind, std::string_view name, const Texts& data);

json::object named_value(std::string_view name, std::string_view value);
json::object secret_volume(std::string_view name, std::string_view secret);
json::object volume_mount(std::string_view name, std::string_view path);

// What the names of namespaces and Services are (RFC 1123: at most 63 small letters, digits and '-'), and those of most
// other objects (at most 253, '.' too).
bool is_dns_label(std::string_view name);
inline constexpr std::string_view kDnsLabelRule =
    "at most 63 small letters, digits and '-', the first and the last a letter or digit";
bool is_dns_subdomain(std::string_view name);

// The value of metadata.FIELD; "" when there is none.
std::string metadata_text(const json::object& object, std::string_view field);
std::string label_of(const json::object& object, std::string_view label);
std::string annotation_of(const json::object& object, std::string_view annotation);
// "" when it has none.
std::string_view name_of(const json::object& object);
std::string_view kind_of(const json::object& object);

}  // namespace stoker::resources
