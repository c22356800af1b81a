// Zips a folder as programs in Go do, such as Terraform's archive_file: go run pack.go WAY FOLDER ZIP.
package main

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
)

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	way, folder, out := os.Args[1], os.Args[2], os.Args[3]
	file, err := os.Create(out)
	must(err)
	archive := zip.NewWriter(file)
	must(filepath.Walk(folder, func(path string, info os.FileInfo, err error) error {
		must(err)
		name, err := filepath.Rel(folder, path)
		must(err)
		if info.Mode()&os.ModeSymlink != 0 {
			info, err = os.Stat(path)
			must(err)
		}
		if info.IsDir() {
			return nil
		}
		var entry io.Writer
		if way == "header" {
			header, err := zip.FileInfoHeader(info)
			must(err)
			header.Name, header.Method = filepath.ToSlash(name), zip.Deflate
			entry, err = archive.CreateHeader(header)
			must(err)
		} else {
			entry, err = archive.Create(filepath.ToSlash(name))
			must(err)
		}
		bytes, err := os.ReadFile(path)
		must(err)
		_, err = entry.Write(bytes)
		return err
	}))
	must(archive.Close())
	must(file.Close())
}
