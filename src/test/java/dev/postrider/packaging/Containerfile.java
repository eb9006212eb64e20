package dev.postrider.packaging;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The instructions of the project's Containerfile, in order. */
record Containerfile(List<Instruction> instructions) {

    /** One of them, such as {@code USER}, with what stands behind it. */
    record Instruction(String name, String arguments) {}

    /** A copy from the first stage: both folders as they are written. */
    record Copy(String from, String to) {}

    private static final String FROM_LAYERS = "--from=layers ";
    private static final ObjectMapper JSON = new ObjectMapper();

    static Containerfile read() throws IOException {
        return new Containerfile(Files.readString(Path.of("Containerfile"))
                .replaceAll("(?m)^#.*\n", "")
                .replaceAll("\\\\\n\\s*", "")
                .lines()
                .filter(line -> !line.isBlank())
                .map(line -> line.split(" ", 2))
                .map(words -> new Instruction(words[0], words[1]))
                .toList());
    }

    /** What stands behind an instruction that is there once. */
    String only(String name) {
        List<String> found = all(name);
        assertThat(found).as(name).hasSize(1);
        return found.get(0);
    }

    /** The words of an instruction that is there once, and is written in JSON: without a shell. */
    List<String> words(String name) throws IOException {
        return JSON.readValue(only(name), new TypeReference<>() {});
    }

    /** What the image gets from the first stage. */
    List<Copy> copies() {
        return all("COPY").stream()
                .filter(copy -> copy.startsWith(FROM_LAYERS))
                .map(copy -> copy.substring(FROM_LAYERS.length()).split(" "))
                .map(words -> new Copy(words[0], words[1]))
                .toList();
    }

    /** The names of the files that the first stage is made of: in the project, and there. */
    Copy jar() {
        List<String[]> copies = all("COPY").stream()
                .filter(copy -> !copy.startsWith("--"))
                .map(copy -> copy.split(" "))
                .toList();
        assertThat(copies).as(Arrays.deepToString(copies.toArray())).hasSize(1);
        return new Copy(copies.get(0)[0], copies.get(0)[1]);
    }

    private List<String> all(String name) {
        return instructions.stream()
                .filter(instruction -> instruction.name().equals(name))
                .map(Instruction::arguments)
                .toList();
    }
}
