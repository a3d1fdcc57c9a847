#include "spark/pod_template.h"

#include <fmt/format.h>

#include <array>

#include "resources/object.h"
#include "resources/pod_fields.h"

namespace stoker::spark {

namespace {

enum class Shape { object, list, texts, list_of_objects };

struct PlaceRow {
  std::string_view pointer;
  Shape shape;
};

// What the plan reads or writes in a pod.
constexpr std::array kPodPlaces = {
    PlaceRow{"/metadata", Shape::object},
    PlaceRow{"/metadata/labels", Shape::texts},
    PlaceRow{"/metadata/annotations", Shape::texts},
    PlaceRow{"/spec", Shape::object},
    PlaceRow{"/spec/nodeSelector", Shape::texts},
    PlaceRow{"/spec/volumes", Shape::list_of_objects},
    PlaceRow{"/spec/imagePullSecrets", Shape::list_of_objects},
    PlaceRow{"/spec/containers", Shape::list_of_objects},
    PlaceRow{"/spec/initContainers", Shape::list_of_objects},
};
// And in its containers.
constexpr std::array kContainerPlaces = {
    PlaceRow{"/args", Shape::list},
    PlaceRow{"/env", Shape::list_of_objects},
    PlaceRow{"/ports", Shape::list_of_objects},
    PlaceRow{"/volumeMounts", Shape::list_of_objects},
    PlaceRow{"/resources", Shape::object},
    PlaceRow{"/resources/limits", Shape::object},
    PlaceRow{"/resources/requests", Shape::object},
    PlaceRow{"/securityContext", Shape::object},
};

std::string_view words_of(Shape shape) {
  switch (shape) {
    case Shape::object: return "an object";
    case Shape::list: return "a list";
    case Shape::texts: return "an object of texts";
    case Shape::list_of_objects: return "a list of objects";
  }
  return "";
}

bool has_shape(const json::value& value, Shape shape) {
  switch (shape) {
    case Shape::object: return value.is_object();
    case Shape::list: return value.is_array();
    case Shape::texts:
      if (!value.is_object()) return false;
      for (const auto& member : value.get_object())
        if (!member.value().is_string()) return false;
      return true;
    case Shape::list_of_objects:
      if (!value.is_array()) return false;
      for (const json::value& element : value.get_array())
        if (!element.is_object()) return false;
      return true;
  }
  return false;
}

class Reading {
 public:
  Reading(std::string_view path, codec::LocatedValue located) : path_(path), located_(std::move(located)) {}

  Result<PodTemplate> run(const std::optional<std::string>& container_name) {
    if (!located_.problems.empty()) return codec::located_error(path_, located_.problems.front());
    TRY(check_kind());
    TRY(check_places("", located_.value, kPodPlaces));
    TRY(check_containers("containers"));
    TRY(check_containers("initContainers"));
    PodTemplate made;
    made.pod = located_.value.as_object();
    TRY(take_container(made, container_name));
    return made;
  }

 private:
  Result<void> check_kind() {
    const std::string hint = "a template begins with apiVersion: v1 and kind: Pod";
    if (!located_.value.is_object()) return codec::located_error(path_, mark(""), "a pod template is an object", hint);
    const json::object& document = located_.value.get_object();
    for (const auto& [key, wanted] : {std::pair("apiVersion", "v1"), std::pair("kind", "Pod")}) {
      const json::value* value = document.if_contains(key);
      if (value != nullptr && (!value->is_string() || value->get_string() != wanted))
        return codec::located_error(
            path_, mark(fmt::format("/{}", key)),
            fmt::format("{} is {}, and a pod template has {}", key, codec::write_json(*value), wanted), hint);
    }
    return {};
  }

  template <class Rows>
  Result<void> check_places(const std::string& prefix, const json::value& root, const Rows& rows) {
    for (const PlaceRow& row : rows) {
      boost::system::error_code missing;
      const json::value* value = root.find_pointer(row.pointer, missing);
      // What is null is as good as absent.
      if (value == nullptr || value->is_null() || has_shape(*value, row.shape)) continue;
      return codec::located_error(path_, mark(prefix + std::string(row.pointer)),
                                  fmt::format("{} should be {}", row.pointer.substr(1), words_of(row.shape)));
    }
    return {};
  }

  Result<void> check_containers(std::string_view list) {
    boost::system::error_code missing;
    const json::value* containers = located_.value.find_pointer(fmt::format("/spec/{}", list), missing);
    if (containers == nullptr || !containers->is_array()) return {};
    for (std::size_t i = 0; i < containers->get_array().size(); ++i)
      TRY(check_places(fmt::format("/spec/{}/{}", list, i), containers->get_array()[i], kContainerPlaces));
    return {};
  }

  // The chosen one leaves the list; the others stay in their order.
  Result<void> take_container(PodTemplate& made, const std::optional<std::string>& name) {
    json::object& spec = resources::object_at(made.pod, "spec");
    json::array& containers = resources::list_at(spec, "containers");
    if (containers.empty()) return {};
    std::size_t chosen = 0;
    if (name) {
      while (chosen < containers.size() && !is_named(containers[chosen].get_object(), *name))
        ++chosen;
      if (chosen == containers.size()) {
        made.warning = fmt::format("{} has no container {}; Spark takes the first", path_, *name);
        chosen = 0;
      }
    }
    made.container = containers[chosen].get_object();
    containers.erase(containers.begin() + chosen);
    return {};
  }

  static bool is_named(const json::object& container, std::string_view name) {
    const json::value* value = container.if_contains("name");
    return value != nullptr && value->is_string() && std::string_view(value->get_string()) == name;
  }

  codec::Mark mark(std::string_view pointer) const { return located_.positions.value(located_.value, pointer); }

  std::string_view path_;
  codec::LocatedValue located_;
};

}  // namespace

Result<PodTemplate> read_pod_template(std::string_view path, std::string_view text,
                                      const std::optional<std::string>& container_name) {
  return Reading(path, resources::parse_kubernetes_yaml(text, "Pod")).run(container_name);
}

}  // namespace stoker::spark
