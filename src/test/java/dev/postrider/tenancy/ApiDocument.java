package dev.postrider.tenancy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/** The OpenAPI document as the suite uses it: the operations, where a caller can put a value, and valid examples. */
final class ApiDocument {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Set<String> METHODS =
            Set.of("get", "put", "post", "delete", "patch", "head", "options", "trace");

    /** Where a caller can put a value: {@code in} is path, query, header or body; a body's place is a JSON pointer. */
    record Place(String in, String name, String pointer, JsonNode schema) {

        boolean isId() {
            return schema.path("format").asText().equals("uuid");
        }

        /** Whether it takes one of our columns' values: an id, a key, a name that the caller chooses. */
        boolean takesWords() {
            return types(schema).contains("string") && !schema.has("enum") && (isId() || !schema.has("format"));
        }

        @Override
        public String toString() {
            return in.equals("body") ? "body " + pointer : in + " " + name;
        }
    }

    record Operation(String id, String method, String path, boolean operatorsOnly, List<Place> places, JsonNode body) {

        boolean reads() {
            return method.equals("GET");
        }
    }

    private final JsonNode document;
    private final Map<String, JsonNode> examples;

    /** @param examples values of fields whose form is more than the document's generic types say */
    ApiDocument(JsonNode document, Map<String, JsonNode> examples) {
        this.document = document;
        this.examples = examples;
    }

    List<Operation> operations() {
        List<Operation> operations = new ArrayList<>();
        document.path("paths")
                .properties()
                .forEach(path -> path.getValue().properties().stream()
                        .filter(method -> METHODS.contains(method.getKey()))
                        .forEach(method -> operations.add(operation(path.getKey(), path.getValue(), method))));
        return operations;
    }

    private Operation operation(String path, JsonNode item, Map.Entry<String, JsonNode> method) {
        JsonNode operation = method.getValue();
        List<Place> places = new ArrayList<>();
        Stream.of(item.path("parameters"), operation.path("parameters"))
                .forEach(list -> list.forEach(one -> {
                    JsonNode parameter = resolve(one);
                    String name = parameter.path("name").asText();
                    places.add(new Place(parameter.path("in").asText(), name, "", resolve(parameter.path("schema"))));
                }));
        JsonNode body = resolve(resolve(operation.path("requestBody")).at("/content/application~1json/schema"));
        fields(body, "", "", places);
        return new Operation(
                operation.path("operationId").asText(),
                method.getKey().toUpperCase(java.util.Locale.ROOT),
                document.at("/servers/0/url").asText() + path,
                operation.path("security").toString().equals("[{\"apiKey\":[\"operator\"]}]"),
                places,
                body.isMissingNode() ? null : body);
    }

    /** A valid value of a schema; of an object the required fields, by the first choice, or one field if none is. */
    JsonNode example(String name, JsonNode unresolved) {
        JsonNode schema = resolve(unresolved);
        if (examples.containsKey(name)) {
            return examples.get(name);
        }
        if (schema.has("example")) {
            return schema.path("example");
        }
        if (schema.has("enum")) {
            return schema.path("enum").get(0);
        }
        List<String> types = types(schema);
        if (types.contains("object") || schema.has("properties")) {
            ObjectNode object = JSON.createObjectNode();
            for (JsonNode required : List.of(schema.path("required"), schema.at("/anyOf/0/required"))) {
                required.forEach(field -> object.set(
                        field.asText(),
                        example(field.asText(), schema.path("properties").path(field.asText()))));
            }
            if (object.isEmpty() && schema.path("minProperties").asInt() > 0) {
                Map.Entry<String, JsonNode> first =
                        schema.path("properties").properties().iterator().next();
                object.set(first.getKey(), example(first.getKey(), first.getValue()));
            }
            return object;
        }
        if (types.contains("array")) {
            ArrayNode array = JSON.createArrayNode();
            return schema.path("minItems").asInt() > 0 ? array.add(example(name, schema.path("items"))) : array;
        }
        if (types.contains("boolean")) {
            return JSON.getNodeFactory().booleanNode(true);
        }
        if (types.contains("integer") || types.contains("number")) {
            return JSON.getNodeFactory()
                    .numberNode(Math.max(1, schema.path("minimum").asInt()));
        }
        return JSON.getNodeFactory()
                .textNode("x".repeat(Math.max(1, schema.path("minLength").asInt())));
    }

    private void fields(JsonNode unresolved, String name, String pointer, List<Place> places) {
        JsonNode schema = resolve(unresolved);
        if (schema.has("properties")) {
            schema.path("properties")
                    .properties()
                    .forEach(field -> fields(field.getValue(), field.getKey(), pointer + "/" + field.getKey(), places));
        } else if (schema.has("items")) {
            fields(schema.path("items"), name, pointer + "/0", places);
        } else if (!schema.isMissingNode()) {
            places.add(new Place("body", name, pointer, schema));
        }
    }

    private JsonNode resolve(JsonNode node) {
        return node.has("$ref") ? resolve(document.at(node.path("$ref").asText().substring(1))) : node;
    }

    private static List<String> types(JsonNode schema) {
        JsonNode type = schema.path("type");
        return type.isArray()
                ? Stream.iterate(0, i -> i < type.size(), i -> i + 1)
                        .map(i -> type.get(i).asText())
                        .toList()
                : List.of(type.asText());
    }
}
