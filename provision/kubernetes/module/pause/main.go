// What pods of the testbed's own are made of: one program, and nothing else in the image.
//
//	pause                     holds the namespaces of a pod as its first process, and reaps what is left to it
//	pause serve PORT [FILE]   the same, and answers every connection with the pod's name and the content of the file
//	pause ask ADDRESS:PORT    prints such an answer
package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func serve(port string, file string) error {
	plain := net.ListenConfig{}
	plain.SetMultipathTCP(false) // CRIU cannot dump such sockets
	listener, err := plain.Listen(context.Background(), "tcp", ":"+port)
	if err != nil {
		return err
	}
	name, _ := os.Hostname()
	fmt.Println("listening on port", port)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				continue
			}
			content, _ := os.ReadFile(file)
			fmt.Fprintln(connection, strings.TrimSpace(name+" "+string(content)))
			connection.Close()
		}
	}()
	return nil
}

func ask(address string) error {
	connection, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return err
	}
	defer connection.Close()
	_, err = io.Copy(os.Stdout, connection)
	return err
}

func holdAndReap() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-ended:
			return
		case <-children:
			for {
				pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
				if pid <= 0 || err != nil {
					break
				}
			}
		}
	}
}

func main() {
	arguments := append(os.Args[1:], "", "", "")
	var err error
	switch arguments[0] {
	case "":
		holdAndReap()
	case "serve":
		if err = serve(arguments[1], arguments[2]); err == nil {
			holdAndReap()
		}
	case "ask":
		err = ask(arguments[1])
	default:
		err = fmt.Errorf("pause, pause serve PORT [FILE], or pause ask ADDRESS:PORT")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
