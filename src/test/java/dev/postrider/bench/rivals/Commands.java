package dev.postrider.bench.rivals;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;

/** Answers one line to each line of standard input: settings, fill, start, handled, stop. */
interface Commands {

    String PAYLOAD = "x".repeat(180);

    String settings();

    void fill(int tasks);

    void start();

    long handled();

    void stop();

    default void answer() throws IOException {
        System.out.println("> ready");
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String[] words = line.split(" ");
            Object answer = words[0];
            switch (words[0]) {
                case "settings" -> answer = settings();
                case "fill" -> fill(Integer.parseInt(words[1]));
                case "start" -> start();
                case "handled" -> answer = handled();
                case "stop" -> stop();
                default -> throw new IllegalArgumentException(line);
            }
            System.out.println("> " + answer);
        }
        System.exit(0);
    }
}
