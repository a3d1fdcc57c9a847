#include "fakes/api/cluster.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/base64.h"
#include "codec/json_fields.h"
#include "fakes/api/answer.h"
#include "fakes/api/selector.h"

namespace stoker::fakes {

namespace {

constexpr std::size_t kMaximumBodyBytes = 3 << 20;
constexpr std::size_t kMaximumPages = 1000;

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Cluster::Cluster(const Clock& clock) : clock_(clock) {
  Route route{.type = &served_types()[index_of(kube::kNamespaces)], .verb = Verb::create};
  for (const char* name : {"default", "kube-system"})
    create_object(route, {{"metadata", json::object{{"name", name}}}}, nullptr);
}

bool Cluster::allowed(const std::string& user, const std::string& verb, const std::string& resource,
                      const std::string& namespace_name) const {
  return std::none_of(denials_.begin(), denials_.end(), [&](const Denial& each) {
    return (each.verb == "*" || each.verb == verb) && (each.resource == "*" || each.resource == resource) &&
           (each.user.empty() || each.user == user) &&
           (each.namespace_name.empty() || each.namespace_name == namespace_name);
  });
}

void Cluster::authorize(const Route& route, const std::string& user) const {
  const std::string resource =
      std::string(route.type->plural) + (route.subresource.empty() ? "" : "/" + route.subresource);
  const std::string verb(name_of(route.verb));
  if (allowed(user, verb, resource, route.namespace_name)) return;
  const std::string scope = route.namespace_name.empty()
                                ? std::string("at the cluster scope")
                                : fmt::format("in the namespace {}", quoted(route.namespace_name));
  throw forbidden(*route.type, route.name,
                  fmt::format("User {} cannot {} resource {} in API group {} {}", quoted(user), verb, quoted(resource),
                              quoted(kube::group_of(*route.type)), scope));
}

net::Response Cluster::answer(const Route& route, const kube::Call& call, const std::string& user) {
  if (call.body.size() > kMaximumBodyBytes)
    throw refusal(413, "RequestEntityTooLarge",
                  fmt::format("Request entity too large: limit is {}", kMaximumBodyBytes));
  switch (route.verb) {
    case Verb::get: return get(route);
    case Verb::list: return list(route);
    case Verb::watch: break;  // not here
    case Verb::create: return create(route, call, user);
    case Verb::update: return replace(route, call);
    case Verb::patch: return patch(route, call);
    case Verb::remove: return remove(route, call);
    case Verb::remove_collection: return remove_collection(route, call);
  }
  throw method_not_allowed();
}

ObjectPointer Cluster::existing(const Route& route) const {
  ObjectPointer found = store_.find(*route.type, route.namespace_name, route.name);
  if (found == nullptr) throw not_found(*route.type, route.name);
  return found;
}

net::Response Cluster::get(const Route& route) const {
  return json_response(200, *existing(route));
}

net::Response Cluster::list(const Route& route) {
  const std::string labels = route.query_value("labelSelector");
  const std::string fields = route.query_value("fieldSelector");
  const Selector selector(*route.type, labels, fields);
  const std::string limit_text = route.query_value("limit");
  const auto limit =
      limit_text.empty() ? 0U : static_cast<std::size_t>(std::max<std::int64_t>(0, number_in(limit_text)));
  const std::string version = route.query_value("resourceVersion");
  if (!version.empty() && !is_number(version))
    throw bad_request(
        fmt::format("invalid resource version: resourceVersion: Invalid value: {}: strconv.ParseUint: "
                    "parsing {}: invalid syntax",
                    quoted(version), quoted(version)));
  std::vector<ObjectPointer> found;
  std::uint64_t list_version = store_.version();
  if (const std::string token = route.query_value("continue"); !token.empty()) {
    const auto text = codec::decode_base64(token);
    const auto parsed = text ? codec::parse_json(*text) : Result<json::value>(Error{});
    if (!parsed || !parsed.value().is_object())
      throw bad_request("invalid continue token: continue key is not valid: invalid character");
    list_version = static_cast<std::uint64_t>(codec::number_of(parsed.value().get_object(), "rv"));
    const auto page = pages_.find(token);
    if (page == pages_.end())
      throw expired(
          "The provided continue parameter is too old to display a consistent list result. You can start a new "
          "list without the continue parameter.");
    found = page->second;
  } else {
    for (ObjectPointer& each : store_.all(*route.type, route.namespace_name))
      if (selector.matches(*each)) found.push_back(std::move(each));
  }
  json::object metadata{{"resourceVersion", std::to_string(list_version)}};
  if (limit > 0 && found.size() > limit) {
    const std::string token = codec::encode_base64(codec::write_json(json::object{
        {"v", "meta.k8s.io/v1"}, {"rv", list_version}, {"start", name_of(*found[limit - 1])}, {"n", ++drawn_}}));
    if (pages_.size() == kMaximumPages) pages_.clear();
    pages_[token].assign(found.begin() + static_cast<std::ptrdiff_t>(limit), found.end());
    metadata["continue"] = token;
    if (labels.empty() && fields.empty()) metadata["remainingItemCount"] = found.size() - limit;
    found.resize(limit);
  }
  json::array items;
  for (const ObjectPointer& each : found) {
    json::object item = *each;
    item.erase("kind");
    item.erase("apiVersion");
    items.emplace_back(std::move(item));
  }
  return json_response(200, json::object{{"kind", std::string(route.type->kind) + "List"},
                                         {"apiVersion", route.type->api_version},
                                         {"metadata", std::move(metadata)},
                                         {"items", std::move(items)}});
}

net::Response Cluster::review(const Route& route, json::object object, const std::string& user) const {
  const json::object& spec = codec::object_of(object, "spec");
  const json::value* asked = spec.if_contains("resourceAttributes");
  if (asked == nullptr)
    throw invalid(kube::group_of(*route.type), "", "",
                  {invalid_value("spec.resourceAttributes", "\"null\"",
                                 "exactly one of nonResourceAttributes or resourceAttributes must be specified")});
  const json::object& attributes = codec::object_of(*asked);
  const std::string of = *route.type == kube::kSubjectAccessReviews ? codec::text_of(spec, "user") : user;
  std::string resource = codec::text_of(attributes, "resource");
  if (const std::string sub = codec::text_of(attributes, "subresource"); !sub.empty()) resource += "/" + sub;
  const bool may = allowed(of, codec::text_of(attributes, "verb"), resource, codec::text_of(attributes, "namespace"));
  object["apiVersion"] = route.type->api_version;
  object["kind"] = route.type->kind;
  object["metadata"] = json::object{{"creationTimestamp", nullptr}};
  object["status"] = json::object{{"allowed", may}};
  return json_response(201, object);
}

void Cluster::compact() {
  store_.compact();
  pages_.clear();
}

std::string rfc3339(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count());
}

}  // namespace stoker::fakes
