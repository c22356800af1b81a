// Reads every zip of a folder with Go's archive/zip, and prints a line of JSON with its entries for each.
package main

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type entry struct {
	Name   string  `json:"name"`
	Kind   string  `json:"kind"`
	Size   int     `json:"size"`
	Crc32  uint32  `json:"crc32"`
	Sha256 string  `json:"sha256"`
	Error  *string `json:"error"`
}

type reading struct {
	Zip     string  `json:"zip"`
	Error   *string `json:"error"`
	Entries []entry `json:"entries"`
}

func read(path string) reading {
	found := reading{Zip: strings.TrimSuffix(filepath.Base(path), ".zip"), Entries: []entry{}}
	archive, err := zip.OpenReader(path)
	if err != nil {
		found.Error = words(err)
		return found
	}
	defer archive.Close()
	for _, file := range archive.File {
		found.Entries = append(found.Entries, one(file))
	}
	return found
}

func one(file *zip.File) entry {
	kind := "file"
	if strings.HasSuffix(file.Name, "/") {
		kind = "folder"
	}
	data, err := file.Open()
	if err != nil {
		return entry{Name: file.Name, Error: words(err)}
	}
	defer data.Close()
	bytes, err := io.ReadAll(data)
	if err != nil {
		return entry{Name: file.Name, Error: words(err)}
	}
	hash := sha256.Sum256(bytes)
	return entry{Name: file.Name, Kind: kind, Size: len(bytes), Crc32: crc32.ChecksumIEEE(bytes), Sha256: hex.EncodeToString(hash[:])}
}

func words(err error) *string {
	text := err.Error()
	return &text
}

func main() {
	paths, _ := filepath.Glob(filepath.Join(os.Args[2], "*.zip"))
	out := json.NewEncoder(os.Stdout)
	for _, path := range paths {
		if err := out.Encode(read(path)); err != nil {
			panic(err)
		}
	}
}
