package dev.postrider.helm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.marcnuri.helm.Helm;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The chart of the folder {@code helm}, rendered with values as Helm itself renders it. */
final class Chart {

    static final Path FOLDER = Path.of("helm");

    /** The least that has to be given. */
    static final String LEAST = """
            database: {url: "jdbc:postgresql://db.example.com/app?sslmode=require", existingSecret: postrider-database}
            secrets: {existingSecret: postrider}
            """;

    private static final ObjectMapper YAML = new ObjectMapper(new YAMLFactory());

    private Chart() {}

    /** The objects that the chart makes of values, in addition to {@link #LEAST}, as the release {@code acme}. */
    static List<JsonNode> objects(String values) {
        return read(render(values));
    }

    /**
     * What Helm prints.
     *
     * @param values YAML, in addition to {@link #LEAST}
     * @throws RuntimeException if Helm refuses the values; the message says why
     */
    static String render(String values) {
        return renderOnly(merged(yaml(LEAST), yaml(values)).toString());
    }

    /** As {@link #render}, without {@link #LEAST}. */
    static String renderOnly(String values) {
        try {
            Path file = Files.writeString(Files.createTempFile("values", ".yaml"), values);
            try {
                return new Helm(FOLDER)
                        .template()
                        .withName("acme")
                        .withNamespace("integration")
                        .withKubeVersion("1.30.0")
                        .withValuesFile(file)
                        .call();
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The one object of a kind and name. */
    static JsonNode object(List<JsonNode> objects, String kind, String name) {
        return objects.stream()
                .filter(object -> object.path("kind").asText().equals(kind)
                        && object.at("/metadata/name").asText().equals(name))
                .findAny()
                .orElseThrow(() -> new AssertionError("no %s %s".formatted(kind, name)));
    }

    static List<JsonNode> read(String documents) {
        try {
            return YAML.readerFor(JsonNode.class).<JsonNode>readValues(documents).readAll().stream()
                    .filter(JsonNode::isObject)
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ObjectNode yaml(String text) {
        try {
            return text.isBlank() ? YAML.createObjectNode() : (ObjectNode) YAML.readTree(text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Values over values, as Helm merges them. */
    static ObjectNode merged(ObjectNode values, ObjectNode over) {
        over.properties().forEach(entry -> {
            JsonNode below = values.get(entry.getKey());
            values.set(
                    entry.getKey(),
                    below instanceof ObjectNode lower && entry.getValue() instanceof ObjectNode upper
                            ? merged(lower, upper)
                            : entry.getValue());
        });
        return values;
    }
}
