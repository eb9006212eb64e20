package dev.postrider.api;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import com.networknt.schema.ValidationMessage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.StreamSupport;
import org.springframework.core.io.ClassPathResource;

/** The OpenAPI document as code: which operations there are, who may call them, and what a valid request is. */
public final class Contract {

    /**
     * An operation of the document.
     *
     * @param roles what the caller needs one of: {@code produce}, {@code inspect}, {@code operator}
     * @param parameters by name
     * @param body the schema of the body; empty if there is none
     * @param success the status of a good answer
     */
    record Operation(
            String id, Set<String> roles, Map<String, Parameter> parameters, Optional<JsonSchema> body, int success) {}

    /** @param in {@code path} or {@code query} */
    record Parameter(String in, String type, JsonSchema schema) {}

    private final JsonNode document;
    private final Map<String, Operation> operations = new HashMap<>();

    Contract() {
        document = read("openapi.yaml");
        JsonSchemaFactory factory = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012);
        document.path("paths")
                .forEach(path -> path.properties().forEach(method -> {
                    JsonNode operation = method.getValue();
                    if (operation.has("operationId")) {
                        operations.put(operation.get("operationId").asText(), operation(operation, path, factory));
                    }
                }));
    }

    JsonNode document() {
        return document;
    }

    Operation operation(String id) {
        return operations.get(id);
    }

    /** @return the fields at fault, in the order of the document; empty if the value is valid */
    static List<Problem.Field> validate(JsonSchema schema, JsonNode value, String at) {
        return schema.validate(value).stream()
                .map(message -> field(message, at))
                .distinct()
                .sorted(Comparator.comparing(Problem.Field::field))
                .toList();
    }

    private static Problem.Field field(ValidationMessage message, String at) {
        String path =
                message.getInstanceLocation().toString().replaceFirst("^/", "").replace('/', '.');
        String property = message.getProperty() == null ? "" : message.getProperty();
        String name = join(join(at, path), property);
        String text = message.getMessage().replaceFirst("^[^ ]*: ", "");
        return switch (message.getType()) {
            case "additionalProperties", "unevaluatedProperties" -> new Problem.Field(name, "is not known here");
            case "required" -> new Problem.Field(name, "is missing");
            default -> new Problem.Field(name.isEmpty() ? "body" : name, text);
        };
    }

    private static String join(String first, String second) {
        return first.isEmpty() ? second : second.isEmpty() ? first : first + "." + second;
    }

    private Operation operation(JsonNode operation, JsonNode path, JsonSchemaFactory factory) {
        Map<String, Parameter> parameters = new HashMap<>();
        for (JsonNode list : List.of(path.path("parameters"), operation.path("parameters"))) {
            for (JsonNode item : list) {
                JsonNode parameter = resolve(item);
                String in = parameter.get("in").asText();
                if (in.equals("path") || in.equals("query")) {
                    JsonNode schema = resolve(parameter.get("schema"));
                    parameters.put(
                            parameter.get("name").asText(),
                            new Parameter(in, schema.path("type").asText("string"), schema(schema, factory)));
                }
            }
        }
        JsonNode body = resolve(operation.path("requestBody"))
                .path("content")
                .path("application/json")
                .path("schema");
        Set<String> roles = new java.util.HashSet<>();
        operation
                .path("security")
                .forEach(requirement -> requirement.forEach(list -> list.forEach(role -> roles.add(role.asText()))));
        int success = StreamSupport.stream(
                        ((Iterable<String>) () -> operation.path("responses").fieldNames()).spliterator(), false)
                .filter(status -> status.startsWith("2"))
                .mapToInt(Integer::parseInt)
                .min()
                .orElse(200);
        return new Operation(
                operation.get("operationId").asText(),
                roles,
                parameters,
                body.isMissingNode() ? Optional.empty() : Optional.of(schema(body, factory)),
                success);
    }

    /** A schema that can refer to the document's components. */
    private JsonSchema schema(JsonNode schema, JsonSchemaFactory factory) {
        com.fasterxml.jackson.databind.node.ObjectNode whole =
                (com.fasterxml.jackson.databind.node.ObjectNode) schema.deepCopy();
        whole.set("components", document.get("components"));
        com.networknt.schema.SchemaValidatorsConfig config = com.networknt.schema.SchemaValidatorsConfig.builder()
                .formatAssertionsEnabled(true)
                .build();
        return factory.getSchema(whole, config);
    }

    private JsonNode resolve(JsonNode node) {
        return node.has("$ref") ? document.at(node.get("$ref").asText().substring(1)) : node;
    }

    private static JsonNode read(String resource) {
        try (InputStream in = new ClassPathResource(resource).getInputStream()) {
            return new ObjectMapper(new YAMLFactory()).readTree(in);
        } catch (IOException e) {
            throw new UncheckedIOException("The build lacks " + resource, e);
        }
    }
}
