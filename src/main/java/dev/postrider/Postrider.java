package dev.postrider;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;

/** Starts Postrider. */
@SpringBootApplication
public class Postrider {

    public static void main(String[] args) {
        SpringApplication.run(Postrider.class, args);
    }
}
