package dev.postrider.routes;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * A YAML value that still knows its place in the file, which parsing to maps and lists would lose.
 *
 * <p>The value of a key has the place of its key: that is the line an author looks for.
 */
final class YamlNode {

    private final Node node;
    private final Optional<Mark> mark;

    YamlNode(Node node) {
        this(node, node.getStartMark());
    }

    private YamlNode(Node node, Optional<Mark> mark) {
        this.node = node;
        this.mark = mark;
    }

    int line() {
        return mark.map(Mark::getLine).orElse(0) + 1;
    }

    int column() {
        return mark.map(Mark::getColumn).orElse(0) + 1;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof YamlNode same && same.node == node;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(node);
    }

    boolean isMap() {
        return node instanceof MappingNode;
    }

    boolean isList() {
        return node instanceof SequenceNode;
    }

    /** The text of a scalar; empty for maps, lists and null. */
    String text() {
        return node instanceof ScalarNode scalar && !Tag.NULL.equals(scalar.getTag()) ? scalar.getValue() : "";
    }

    Map<String, YamlNode> entries() {
        Map<String, YamlNode> entries = new LinkedHashMap<>();
        if (node instanceof MappingNode mapping) {
            mapping.getValue()
                    .forEach(tuple -> entries.put(
                            new YamlNode(tuple.getKeyNode()).text(),
                            new YamlNode(
                                    tuple.getValueNode(), tuple.getKeyNode().getStartMark())));
        }
        return entries;
    }

    List<YamlNode> items() {
        return node instanceof SequenceNode sequence
                ? sequence.getValue().stream().map(YamlNode::new).toList()
                : List.of();
    }

    Optional<YamlNode> get(String key) {
        return Optional.ofNullable(entries().get(key));
    }

    /** Follows keys downwards, as far as they exist. */
    Optional<YamlNode> path(String... keys) {
        Optional<YamlNode> at = Optional.of(this);
        for (String key : keys) {
            at = at.flatMap(one -> one.get(key));
        }
        return at;
    }

    /** The text under a key; empty if there is none. */
    String text(String key) {
        return get(key).map(YamlNode::text).orElse("");
    }

    /** This node and everything below it, in the order of the file. */
    Stream<YamlNode> walk() {
        Stream<YamlNode> below = isMap() ? entries().values().stream() : items().stream();
        return Stream.concat(Stream.of(this), below.flatMap(YamlNode::walk));
    }

    /** Keys that stand twice in one map: YAML forbids it, the parser keeps the last one silently. */
    List<YamlNode> repeatedKeys() {
        List<YamlNode> repeated = new ArrayList<>();
        walk().forEach(map -> {
            if (map.node instanceof MappingNode mapping) {
                List<String> seen = new ArrayList<>();
                mapping.getValue().forEach(tuple -> {
                    YamlNode key = new YamlNode(tuple.getKeyNode());
                    if (seen.contains(key.text())) {
                        repeated.add(key);
                    }
                    seen.add(key.text());
                });
            }
        });
        return repeated;
    }

    JsonNode json() {
        JsonNodeFactory json = JsonNodeFactory.instance;
        if (isMap()) {
            ObjectNode object = json.objectNode();
            entries().forEach((key, value) -> object.set(key, value.json()));
            return object;
        }
        if (isList()) {
            ArrayNode array = json.arrayNode();
            items().forEach(item -> array.add(item.json()));
            return array;
        }
        Tag tag = node.getTag();
        if (Tag.NULL.equals(tag)) {
            return json.nullNode();
        }
        if (Tag.BOOL.equals(tag)) {
            return json.booleanNode(Boolean.parseBoolean(text()));
        }
        if (Tag.INT.equals(tag) || Tag.FLOAT.equals(tag)) {
            return number();
        }
        return json.textNode(text());
    }

    private JsonNode number() {
        try {
            return JsonNodeFactory.instance.numberNode(new java.math.BigDecimal(text()));
        } catch (NumberFormatException octalOrInfinity) {
            return JsonNodeFactory.instance.numberNode(Double.NaN);
        }
    }
}
